import { clone } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack, AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { envoyRegistry } from "./envoy-registry.ts";

/**
 * A copy of `target` with everything that is set in `patch`: lists grow at their end, maps and messages are merged, the rest is replaced.
 * Unlike a plain protobuf merge it replaces durations, wrapped values and structs as a whole ("5s" patched with "0.5s" is not "5.5s"), and
 * merges what is packed in an Any if both are of one type.
 */
export function mergeMessage<Desc extends DescMessage>(
  schema: Desc,
  target: MessageShape<Desc>,
  patch: MessageShape<Desc>,
): MessageShape<Desc> {
  const copy = clone(schema, target);
  mergeInto(reflect(schema, copy), reflect(schema, patch));
  return copy;
}

/** The patched Any: merged if both hold the same type, else the patch itself. */
export function mergeAny(target: Any, patch: Any): Any {
  if (target.typeUrl !== patch.typeUrl) return patch;
  const { registry } = envoyRegistry();
  const [from, to] = [anyUnpack(patch, registry), anyUnpack(target, registry)];
  const schema = to && registry.getMessage(to.$typeName);
  if (!from || !to || !schema) return patch;
  return anyPack(schema, mergeMessage(schema, to, from));
}

function mergeInto(target: ReflectMessage, patch: ReflectMessage): void {
  for (const field of patch.fields) {
    if (!patch.isSet(field)) continue;
    if (field.fieldKind === "list") {
      const list = target.get(field);
      for (const item of patch.get(field)) list.add(item);
    } else if (field.fieldKind === "map") {
      const map = target.get(field);
      for (const [key, value] of patch.get(field)) map.set(key, value);
    } else if (field.fieldKind === "message" && target.isSet(field) && !replacedWhole(field.message)) {
      const [to, from] = [target.get(field), patch.get(field)];
      if (field.message.typeName === AnySchema.typeName) {
        target.set(field, reflect(AnySchema, mergeAny(to.message as Any, from.message as Any)));
      } else {
        mergeInto(to, from);
      }
    } else {
      target.set(field, patch.get(field));
    }
  }
}

function replacedWhole(message: DescMessage): boolean {
  return message.typeName.startsWith("google.protobuf.") && message.typeName !== AnySchema.typeName;
}
