import { clone } from "@bufbuild/protobuf";
import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack, AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectList, ReflectMessage } from "@bufbuild/protobuf/reflect";
import { envoyRegistry } from "./envoy-registry.ts";

/**
 * A copy of `target` with everything that is set in `patch`: lists grow at their end, maps and messages are merged, the rest is replaced.
 * Unlike a plain protobuf merge it replaces durations, wrapped values and structs as a whole ("5s" patched with "0.5s" is not "5.5s"),
 * merges what is packed in an Any if both are of one type, and merges into the item of a list that Envoy allows only once.
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
      for (const item of patch.get(field)) {
        const present = presentItem(list, item, field);
        if (present === undefined) list.add(item);
        else if (present !== same) mergeInto(present, item as ReflectMessage);
      }
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

/** Fields that tell the items of a list apart, by the type of the items: Envoy refuses a list with two of one key, in whatever case. */
const keyOfItem: Readonly<Record<string, string>> = {
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig": "upgrade_type",
  "envoy.config.route.v3.RouteAction.UpgradeConfig": "upgrade_type",
};
/** Lists of texts that Envoy refuses with a text in it twice. */
const setsOfTexts: ReadonlySet<string> = new Set(["envoy.config.route.v3.VirtualHost.domains"]);
const same = Symbol("the item itself");

/** What the list has in place of the item; undefined if it may be added. */
function presentItem(list: ReflectList, item: unknown, field: DescField): ReflectMessage | typeof same | undefined {
  if (field.fieldKind !== "list") return undefined;
  if (field.listKind !== "message") {
    const once = setsOfTexts.has(`${field.parent.typeName}.${field.name}`);
    return once && [...list].some((other) => String(other).toLowerCase() === String(item).toLowerCase()) ? same : undefined;
  }
  const key = field.message.fields.find(({ name }) => name === keyOfItem[field.message.typeName]);
  if (key === undefined) return undefined;
  const keyOf = (one: unknown) => String((one as ReflectMessage).get(key)).toLowerCase();
  return [...list].find((other) => keyOf(other) === keyOf(item)) as ReflectMessage | undefined;
}

function replacedWhole(message: DescMessage): boolean {
  return message.typeName.startsWith("google.protobuf.") && message.typeName !== AnySchema.typeName;
}
