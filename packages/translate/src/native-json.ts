import { ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage, JsonObject, JsonValue, MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { formatDuration, parseGoDuration } from "@atoll/resource";
import { envoyRegistry } from "./envoy-registry.ts";

/**
 * Reads Envoy's JSON as users of ProxyTemplates write it, by the rules they know: fields that Envoy's API does not have are left out,
 * durations may be Go's ("1m30s"). Throws with the words that they know for what is of a wrong type.
 */
export function nativeMessage<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> {
  return envoyRegistry().fromEnvoyJson(schema, readable(schema, json));
}

/** `nativeMessage` for JSON that names its type with `@type`. */
export const nativeAny = (json: JsonValue): Any => envoyRegistry().anyFromJson(readableAny(json));

const isObject = (json: JsonValue): json is JsonObject => typeof json === "object" && json !== null && !Array.isArray(json);

function kindOfJson(json: JsonValue): string {
  if (json === null) return "null";
  if (Array.isArray(json)) return "array";
  return typeof json === "boolean" ? "bool" : typeof json;
}

function objectOf(json: JsonValue): JsonObject {
  if (isObject(json)) return json;
  throw new Error(`json: cannot unmarshal ${kindOfJson(json)} into Go value of type map[string]json.RawMessage`);
}

/** Messages whose JSON form is not that of their fields. */
const ownForms = /^google\.protobuf\.(Struct|Value|ListValue|Timestamp|FieldMask|Empty)$/;
/** Messages around one scalar, written as that. */
const wrapper = /^google\.protobuf\.\w+Value$/;

function readable(schema: DescMessage, json: JsonValue): JsonValue {
  if (schema.typeName === "google.protobuf.Any") return readableAny(json);
  if (schema.typeName === "google.protobuf.Duration") return readableDuration(json);
  if (ownForms.test(schema.typeName)) return json;
  if (wrapper.test(schema.typeName)) return readableField(schema.fields[0]!, json);
  const fields = new Map(schema.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]));
  return Object.fromEntries(
    Object.entries(objectOf(json)).flatMap(([key, value]) => {
      const field = fields.get(key);
      return field === undefined || value === null || value === undefined ? [] : [[key, readableField(field, value)]];
    }),
  );
}

function readableField(field: DescField, json: JsonValue): JsonValue {
  switch (field.fieldKind) {
    case "message":
      return readable(field.message, json);
    case "enum":
      return checkedEnum(field.enum, json);
    case "scalar":
      return checkedScalar(field.scalar, json);
    case "list": {
      if (!Array.isArray(json)) throw new Error(`json: cannot unmarshal ${kindOfJson(json)} into Go value of type []json.RawMessage`);
      if (field.listKind === "message") return json.map((item) => readable(field.message, item));
      return json.map((item) => (field.listKind === "enum" ? checkedEnum(field.enum, item) : checkedScalar(field.scalar, item)));
    }
    case "map": {
      const { message } = field.mapKind === "message" ? field : { message: undefined };
      const entries = Object.entries(objectOf(json));
      return message === undefined ? json : Object.fromEntries(entries.map(([key, value]) => [key, readable(message, value)]));
    }
  }
}

function readableAny(json: JsonValue): JsonValue {
  const { "@type": url, ...rest } = objectOf(json);
  if (typeof url !== "string") throw new Error("Any JSON doesn't have '@type'");
  const schema = envoyRegistry().registry.getMessage(url.slice(url.lastIndexOf("/") + 1));
  if (schema === undefined) throw new Error(`could not resolve Any message type: ${url}`);
  if (/^google\.protobuf\./.test(schema.typeName)) return json;
  return { "@type": url, ...(readable(schema, rest) as JsonObject) };
}

function readableDuration(json: JsonValue): JsonValue {
  if (typeof json !== "string") throw new Error(`json: cannot unmarshal ${kindOfJson(json)} into Go value of type string`);
  const parsed = parseGoDuration(json);
  if ("error" in parsed) throw new Error(`bad Duration: ${parsed.error}`);
  return formatDuration(parsed.nanoseconds);
}

function checkedEnum(desc: { typeName: string; values: readonly { name: string; number: number }[] }, json: JsonValue): JsonValue {
  if (typeof json === "number") return json;
  if (desc.values.some(({ name }) => name === json)) return json;
  throw new Error(`unknown value ${JSON.stringify(JSON.stringify(json))} for enum ${desc.typeName}`);
}

const goTypes = new Map<ScalarType, string>([
  [ScalarType.INT32, "int32"],
  [ScalarType.UINT32, "uint32"],
  [ScalarType.INT64, "int64"],
  [ScalarType.UINT64, "uint64"],
  [ScalarType.FLOAT, "float32"],
  [ScalarType.DOUBLE, "float64"],
]);

function checkedScalar(scalar: ScalarType, json: JsonValue): JsonValue {
  const refuse = (wanted: string): never => {
    throw new Error(`json: cannot unmarshal ${kindOfJson(json)} into Go value of type ${wanted}`);
  };
  if (scalar === ScalarType.STRING && typeof json !== "string") return refuse("string");
  if (scalar === ScalarType.BOOL && typeof json !== "boolean") return refuse("bool");
  const wanted = goTypes.get(scalar);
  if (wanted === undefined) return json;
  if (typeof json !== "number" && typeof json !== "string") return refuse(wanted);
  const outside = typeof json === "number" && wanted.startsWith("uint") && json < 0;
  if (outside) throw new Error(`json: cannot unmarshal number ${json} into Go value of type ${wanted}`);
  return json;
}
