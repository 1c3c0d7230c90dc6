import { fromBinary } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { envoyRegistry } from "./envoy-registry.ts";

/** Envoy's own JSON of an encoded resource. Throws if the type is unknown. */
export function envoyJson(typeUrl: string, bytes: Uint8Array): JsonValue {
  const { registry, toEnvoyJson } = envoyRegistry();
  const schema = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  if (schema === undefined) throw new Error(`${typeUrl} is no type of Envoy's`);
  return toEnvoyJson(schema, fromBinary(schema, bytes));
}
