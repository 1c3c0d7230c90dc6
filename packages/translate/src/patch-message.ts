import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { FilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import type { HttpFilterSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { ProxyModificationView } from "@atoll/view";
import { envoyRegistry } from "./envoy-registry.ts";
import { patchJson } from "./json-patch.ts";
import { mergeMessage } from "./merge-message.ts";
import { nativeMessage } from "./native-json.ts";

type Patch = Pick<ProxyModificationView, "value" | "jsonPatches">;

/** A copy of a message with a modification's `value` merged in, or with its `jsonPatches` made. Throws if that is not of the Envoy API. */
export function patchMessage<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>, patch: Patch): MessageShape<Desc> {
  const { value, jsonPatches } = patch;
  if (jsonPatches === undefined) return mergeMessage(schema, message, nativeMessage(schema, value as JsonValue));
  return nativeMessage(schema, patchJson(envoyRegistry().toEnvoyJson(schema, message), jsonPatches) as JsonValue);
}

/** The same of a filter, of which JSON patches see the configuration alone. */
export function patchFilter<Desc extends typeof FilterSchema | typeof HttpFilterSchema>(
  schema: Desc,
  filter: MessageShape<Desc>,
  patch: Patch,
): MessageShape<Desc> {
  if (patch.jsonPatches === undefined) return patchMessage(schema, filter, patch);
  const { configType } = filter;
  if (configType.case !== "typedConfig") throw new Error(`filter ${filter.name} has no typedConfig to patch`);
  return { ...filter, configType: { case: "typedConfig", value: patchAny(configType.value, patch) } };
}

function patchAny(any: Any, patch: Patch): Any {
  const { registry } = envoyRegistry();
  const message = anyUnpack(any, registry);
  const schema = message && registry.getMessage(message.$typeName);
  if (!message || !schema) throw new Error(`unknown type ${any.typeUrl}`);
  return anyPack(schema, patchMessage(schema, message, patch));
}
