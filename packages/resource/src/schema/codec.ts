import { formatDuration, parseGoDuration } from "../duration.ts";
import { parseTimestamp } from "../timestamp.ts";
import { parseJson } from "./json-text.ts";
import { ParseError, wrongType } from "./parse-error.ts";

/**
 * How one value is read from JSON by the rules of protobuf's JSON mapping, and whether its zero value is left out of
 * the stored form. `read` throws ParseError. A field of value null never reaches `read`.
 * Source: protobuf.dev/programming-guides/json, with the leniencies of golang/protobuf's jsonpb.
 */
export interface Codec<T> {
  read(raw: unknown): T;
  /** True for values that are the same as absence. */
  isZero(value: T): boolean;
  /** What a null element of a list or map stands for. */
  zero(): T;
}

/** A field whose presence the kind's validator guarantees, so that it is not optional in the spec's type. */
export interface Needed<T> extends Codec<T> {
  readonly needed: true;
}

export type Value<C> = C extends Codec<infer T> ? T : never;

/** Marks a field as guaranteed by validation. */
export const need = <T>(codec: Codec<T>): Needed<T> => ({ ...codec, needed: true });

const scalar = <T>(zero: T, read: (raw: unknown) => T): Codec<T> => ({ read, zero: () => zero, isZero: (value) => value === zero });

/** A wrapper type or a scalar member of a oneof: present when written, even with the zero value. */
export const kept = <T>(codec: Codec<T>): Codec<T> => ({ ...codec, isZero: () => false });

export const string: Codec<string> = scalar("", (raw) => {
  if (typeof raw !== "string") throw wrongType(raw, "string");
  return raw;
});

export const bool: Codec<boolean> = scalar(false, (raw) => {
  if (typeof raw !== "boolean") throw wrongType(raw, "bool");
  return raw;
});

const integer = (goType: string, min: number, max: number): Codec<number> =>
  scalar(0, (raw) => {
    const value = number(raw, goType);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new ParseError(`json: cannot unmarshal number ${String(raw)} into Go value of type ${goType}`);
    }
    return value;
  });

export const uint32: Codec<number> = integer("uint32", 0, 0xffff_ffff);
export const int32: Codec<number> = integer("int32", -0x8000_0000, 0x7fff_ffff);
export const double: Codec<number> = scalar(0, (raw) => number(raw, "float64"));
export const float: Codec<number> = scalar(0, (raw) => number(raw, "float32"));

/** 64-bit integers are written as strings in JSON and stay strings here. */
export const uint64: Codec<string> = scalar("0", (raw) => {
  const text = typeof raw === "number" ? String(raw) : raw;
  if (typeof text !== "string") throw wrongType(raw, "uint64");
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) throw new ParseError(`json: cannot unmarshal number ${text} into Go value of type uint64`);
  return text;
});

/** Base64 text of any of the standard spellings; kept as standard base64 with padding. */
export const bytes: Codec<string> = scalar("", (raw) => {
  if (typeof raw !== "string") throw wrongType(raw, "[]uint8");
  const text = raw.replaceAll(/[\r\n]/g, "");
  const bad = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ""));
  if (bad) throw new ParseError(`illegal base64 data at input byte ${bad.index}`);
  if (text.length % 4 !== 0) throw new ParseError(`illegal base64 data at input byte ${text.length - (text.length % 4)}`);
  return text;
});

/** Accepts Go's duration notation ("1m30s"); kept as protobuf writes it ("90s", "1.500s"). */
export const duration: Codec<string> = {
  read: (raw) => {
    if (typeof raw !== "string") throw wrongType(raw, "string");
    const parsed = parseGoDuration(raw);
    if ("error" in parsed) throw new ParseError(`bad Duration: ${parsed.error}`);
    return formatDuration(parsed.nanoseconds);
  },
  zero: () => "0s",
  isZero: () => false,
};

/** RFC 3339, kept in UTC. */
export const timestamp: Codec<string> = {
  read: (raw) => {
    if (typeof raw !== "string") throw wrongType(raw, "string");
    const parsed = parseTimestamp(raw);
    if ("error" in parsed) throw new ParseError(`bad Timestamp: ${parsed.error}`);
    return parsed.text;
  },
  zero: () => "1970-01-01T00:00:00Z",
  isZero: () => false,
};

/** An enum by its names, the first being the zero value. Names are kept; numbers are accepted. */
export function enumeration<const N extends string>(fullName: string, names: readonly N[], numbers?: readonly number[]): Codec<N> {
  const known = new Set<string>(names);
  return scalar(names[0] as N, (raw) => {
    if (typeof raw === "string") {
      if (!known.has(raw)) throw new ParseError(`unknown value ${JSON.stringify(JSON.stringify(raw))} for enum ${fullName}`);
      return raw as N;
    }
    if (typeof raw !== "number") throw wrongType(raw, "protoreflect.EnumNumber");
    const name = names[numbers ? numbers.indexOf(raw) : raw];
    if (name === undefined) throw new ParseError(`unknown value ${JSON.stringify(String(raw))} for enum ${fullName}`);
    return name;
  });
}

export type JsonObject = { [key: string]: unknown };

/** google.protobuf.Struct: any JSON object; being a map, it is written with its keys in order. */
export const struct: Codec<JsonObject> = {
  read: (raw) => {
    if (!isObject(raw)) throw new ParseError(`bad StructValue: ${wrongType(raw, "map[string]json.RawMessage").message}`);
    requireShallow(raw);
    return sortedKeys(raw) as JsonObject;
  },
  zero: () => ({}),
  isZero: () => false,
};

export const isObject = (raw: unknown): raw is JsonObject => typeof raw === "object" && raw !== null && !Array.isArray(raw);

/** Deep; arrays keep their order. */
function sortedKeys(raw: unknown): unknown {
  if (Array.isArray(raw)) return raw.map(sortedKeys);
  if (!isObject(raw)) return raw;
  return Object.fromEntries(
    Object.keys(raw)
      .sort()
      .map((key) => [key, sortedKeys(raw[key])]),
  );
}

const maxDepth = 100;

/** Free-form JSON is written out again by recursion, so its depth is limited. */
export function requireShallow(raw: unknown, depth: number = 0): void {
  if (depth > maxDepth) throw new ParseError("exceeded max depth");
  if (typeof raw !== "object" || raw === null) return;
  for (const item of Object.values(raw)) requireShallow(item, depth + 1);
}

/** A JSON number, or its digits in a string as the JSON mapping allows. */
function number(raw: unknown, goType: string): number {
  if (typeof raw === "number") return raw;
  if (typeof raw !== "string") throw wrongType(raw, goType);
  const parsed = parseJson(raw);
  if (!parsed.ok) throw new ParseError(parsed.parseError);
  if (typeof parsed.value !== "number") throw wrongType(parsed.value, goType);
  return parsed.value;
}
