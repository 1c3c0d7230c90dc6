import { createRegistry, fromJson, toJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue, MessageShape, Registry } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { files } from "../gen/files.js";

/** Every type of the Envoy API and the well-known types: what an Any may hold. */
export const registry: Registry = createRegistry(
  ...files,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
);

/** Envoy's own JSON form of a message (as in its config dump): lowerCamelCase, Any expanded. Throws on an Any of unknown type. */
export function toEnvoyJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return toJson(schema, message, { registry });
}

/** Reads Envoy's JSON form, lowerCamelCase or snake_case. Throws naming the field that is unknown or has the wrong type. */
export function fromEnvoyJson<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> {
  return fromJson(schema, json, { registry });
}

/** JSON of whatever an Any holds, with its `@type`. Throws if the type is unknown. */
export function anyToJson(any: Any): JsonValue {
  return toJson(AnySchema, any, { registry });
}

/** Packs JSON that names its `@type`. Throws if the type or a field is unknown. */
export function anyFromJson(json: JsonValue): Any {
  return fromJson(AnySchema, json, { registry });
}
