import { createHash } from "node:crypto";
import { parse, stringify } from "yaml";
import type { TemplateFunction } from "./evaluate.ts";
import { TemplateError } from "./syntax.ts";
import { isMap, isTrue, mergeValues, shown, type Values } from "./values.ts";

/** Helm's functions that need nothing but their arguments, as far as the charts here use them. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  ...logic(),
  ...texts(),
  ...collections(),
  ...encodings(),
};

function logic() {
  const number = (value: unknown) => Number(value);
  return {
    not: (value: unknown) => !isTrue(value),
    eq: (first: unknown, ...others: unknown[]) => others.some((one) => same(first, one)),
    ne: (a: unknown, b: unknown) => !same(a, b),
    lt: (a: unknown, b: unknown) => number(a) < number(b),
    le: (a: unknown, b: unknown) => number(a) <= number(b),
    gt: (a: unknown, b: unknown) => number(a) > number(b),
    ge: (a: unknown, b: unknown) => number(a) >= number(b),
    add: (...values: unknown[]) => values.map(number).reduce((sum, one) => sum + one, 0),
    int: (value: unknown) => Math.trunc(number(value)) || 0,
    empty: (value: unknown) => !isTrue(value),
    default: (otherwise: unknown, value: unknown) => (isTrue(value) ? value : otherwise),
    coalesce: (...values: unknown[]) => values.find(isTrue),
    ternary: (yes: unknown, no: unknown, condition: unknown) => (isTrue(condition) ? yes : no),
    kindIs: (kind: string, value: unknown) => kindOf(value) === kind,
    fail: (message: string) => {
      throw new TemplateError(message);
    },
    required: (message: string, value: unknown) => {
      if (value === undefined || value === null || value === "") throw new TemplateError(message);
      return value;
    },
  } satisfies Record<string, TemplateFunction>;
}

const same = (a: unknown, b: unknown): boolean => (a ?? undefined) === (b ?? undefined);

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "invalid";
  if (Array.isArray(value)) return "slice";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "float64";
  return isMap(value) ? "map" : "string";
}

function texts() {
  const quoted = (values: unknown[], quote: (text: string) => string) => values.map((value) => quote(shown(value))).join(" ");
  return {
    print: (...values: unknown[]) => values.map(shown).join(""),
    printf: format,
    quote: (...values: unknown[]) =>
      quoted(
        values.filter((value) => value !== undefined && value !== null),
        (text) => JSON.stringify(text),
      ),
    squote: (...values: unknown[]) => quoted(values, (text) => `'${text}'`),
    toString: shown,
    trim: (text: string) => text.trim(),
    trimSuffix: (end: string, text: string) => (text.endsWith(end) ? text.slice(0, text.length - end.length) : text),
    trimPrefix: (start: string, text: string) => (text.startsWith(start) ? text.slice(start.length) : text),
    trunc: (length: number, text: string) => text.slice(0, length),
    lower: (text: string) => text.toLowerCase(),
    upper: (text: string) => text.toUpperCase(),
    replace: (from: string, to: string, text: string) => text.replaceAll(from, to),
    contains: (part: string, text: string) => text.includes(part),
    hasPrefix: (start: string, text: string) => text.startsWith(start),
    hasSuffix: (end: string, text: string) => text.endsWith(end),
    splitList: (separator: string, text: string) => text.split(separator),
    join: (separator: string, values: unknown[]) => values.map(shown).join(separator),
    indent,
    nindent: (width: number, text: string) => `\n${indent(width, text)}`,
  } satisfies Record<string, TemplateFunction>;
}

function indent(width: number, text: string): string {
  return text
    .split("\n")
    .map((line) => " ".repeat(width) + line)
    .join("\n");
}

function format(pattern: string, ...values: unknown[]): string {
  let at = 0;
  return pattern.replaceAll(/%([sdvqt%])/g, (_, verb: string) => {
    if (verb === "%") return "%";
    const value = values[at++];
    return verb === "q" ? JSON.stringify(shown(value)) : shown(value);
  });
}

function collections() {
  const pairs = (entries: unknown[]) =>
    Object.fromEntries(entries.flatMap((key, index) => (index % 2 === 0 ? [[String(key), entries[index + 1]]] : [])));
  return {
    dict: (...entries: unknown[]) => pairs(entries),
    list: (...values: unknown[]) => values,
    append: (values: unknown[], value: unknown) => [...values, value],
    concat: (...lists: unknown[][]) => lists.flat(),
    len: (value: unknown) => (Array.isArray(value) || typeof value === "string" ? value.length : Object.keys(value ?? {}).length),
    keys: (map: Values) => Object.keys(map),
    sortAlpha: (values: string[]) => values.toSorted(),
    has: (value: unknown, values: unknown[] | undefined) => (values ?? []).includes(value),
    hasKey: (map: Values, key: string) => Object.hasOwn(map, key),
    get: (map: Values, key: string) => (Object.hasOwn(map, key) ? map[key] : ""),
    set: (map: Values, key: string, value: unknown) => {
      map[key] = value;
      return map;
    },
    index: (value: unknown, ...keys: (string | number)[]) =>
      keys.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], value),
    dig: (...args: unknown[]) => {
      const [map, otherwise] = [args.at(-1), args.at(-2)];
      let value: unknown = map;
      for (const key of args.slice(0, -2)) {
        if (!isMap(value) || !Object.hasOwn(value, key as string)) return otherwise;
        value = value[key as string];
      }
      return value;
    },
    merge: (...maps: Values[]) => maps.reduceRight((below, over) => mergeValues(below, over), {}),
    mergeOverwrite: (...maps: Values[]) => maps.reduce((below, over) => mergeValues(below, over), {}),
    deepCopy: (value: unknown) => structuredClone(value),
  } satisfies Record<string, TemplateFunction>;
}

function encodings() {
  return {
    toYaml: (value: unknown) =>
      stringify(value ?? null, { sortMapEntries: true, lineWidth: 0, version: "1.1", aliasDuplicateObjects: false }).trimEnd(),
    fromYaml: (text: string) => (parse(text) ?? {}) as unknown,
    toJson: (value: unknown) => JSON.stringify(value ?? null),
    b64enc: (text: string) => Buffer.from(text).toString("base64"),
    b64dec: (text: string) => Buffer.from(text, "base64").toString(),
    sha256sum: (text: string) => createHash("sha256").update(text).digest("hex"),
  } satisfies Record<string, TemplateFunction>;
}
