import { type Codec, isObject, type JsonObject, type Needed, type Value } from "./codec.ts";
import { wrongType } from "./parse-error.ts";

type AnyFields = { readonly [name: string]: Codec<any> }; // oxlint-disable-line typescript/no-explicit-any -- codecs are invariant

type NeededNames<F extends AnyFields> = { [K in keyof F]: F[K] extends Needed<unknown> ? K : never }[keyof F];
type Simplify<T> = { [K in keyof T]: T[K] };
export type MessageValue<F extends AnyFields> = Simplify<
  { [K in NeededNames<F>]: Value<F[K]> } & { [K in Exclude<keyof F, NeededNames<F>>]?: Value<F[K]> }
>;

/** A message is present when written, even if empty. */
export interface MessageCodec<T> extends Codec<T> {
  readonly fieldNames: readonly string[];
}

/**
 * The table of one message. Fields are read, reported and rendered in the order of the table, under their lowerCamel name or
 * the snake_case one. Unknown fields are ignored. `oneofs` lists groups of which only the last written member is kept.
 */
export function message<const F extends AnyFields>(
  fields: F,
  oneofs: readonly (readonly (keyof F & string)[])[] = [],
): MessageCodec<MessageValue<F>> {
  const rows = Object.entries(fields).map(([name, codec]) => ({ name, snake: snakeCase(name), codec }));
  const read = (raw: unknown): MessageValue<F> => {
    if (!isObject(raw)) throw wrongType(raw, "map[string]json.RawMessage");
    const value: JsonObject = {};
    for (const { name, snake, codec } of rows) {
      const written = Object.hasOwn(raw, name) ? raw[name] : Object.hasOwn(raw, snake) ? raw[snake] : undefined;
      if (written === undefined || written === null) continue;
      const field: unknown = codec.read(written);
      if (!codec.isZero(field)) value[name] = field;
    }
    for (const group of oneofs) {
      const written = group.filter((name) => value[name] !== undefined);
      for (const name of written.slice(0, -1)) delete value[name];
    }
    return value as MessageValue<F>;
  };
  return { read, zero: () => ({}) as MessageValue<F>, isZero: () => false, fieldNames: rows.map((row) => row.name) };
}

/** A repeated field; empty is the same as absent. */
export const list = <T>(element: Codec<T>): Codec<T[]> => ({
  read: (raw) => {
    if (!Array.isArray(raw)) throw wrongType(raw, "[]json.RawMessage");
    return raw.map((item) => (item === null ? element.zero() : element.read(item)));
  },
  zero: () => [],
  isZero: (value) => value.length === 0,
});

/** A map with string keys, kept in key order; empty is the same as absent. */
export const map = <T>(element: Codec<T>): Codec<Record<string, T>> => ({
  read: (raw) => {
    if (!isObject(raw)) throw wrongType(raw, "map[string]json.RawMessage");
    // Own properties even for names like "__proto__".
    return Object.fromEntries(sortedEntries(raw).map(([key, item]) => [key, item === null ? element.zero() : element.read(item)]));
  },
  zero: () => ({}),
  isZero: (value) => Object.keys(value).length === 0,
});

const sortedEntries = (raw: JsonObject): [string, unknown][] => Object.entries(raw).toSorted(([a], [b]) => (a < b ? -1 : 1));

/** caCert -> ca_cert */
const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
