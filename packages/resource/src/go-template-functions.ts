import { goQuote } from "./schema/parse-error.ts";
import { TemplateError } from "./go-template-parser.ts";

/** undefined = a name that has no value. */
export type TemplateValue = string | number | boolean | undefined | { readonly [name: string]: TemplateValue };

/** As Go prints a value in a template. */
export function textOf(value: TemplateValue): string {
  if (value === undefined) return "<no value>";
  if (typeof value !== "object") return String(value);
  const names = Object.keys(value).sort();
  return `map[${names.map((name) => `${name}:${textOf(value[name])}`).join(" ")}]`;
}

/** Empty, zero, false and missing values are false. */
export const isTrue = (value: TemplateValue): boolean => (typeof value === "object" ? Object.keys(value).length > 0 : Boolean(value));

export type TemplateFunction = (args: TemplateValue[]) => TemplateValue;

export const functions: Readonly<Record<string, TemplateFunction>> = {
  and: (args) => args.find((one) => !isTrue(one)) ?? args.at(-1),
  or: (args) => args.find(isTrue) ?? args.at(-1),
  not: ([value]) => !isTrue(value),
  eq: ([first, ...others]) => others.some((one) => isEqual(first, one)),
  ne: ([a, b]) => !isEqual(a, b),
  lt: ([a, b]) => compare(a, b) < 0,
  le: ([a, b]) => compare(a, b) <= 0,
  gt: ([a, b]) => compare(a, b) > 0,
  ge: ([a, b]) => compare(a, b) >= 0,
  len: ([value]) => {
    if (typeof value === "string") return Buffer.byteLength(value);
    if (typeof value === "object") return Object.keys(value).length;
    throw new TemplateError(`len of ${textOf(value)}`);
  },
  index: ([value, ...keys]) =>
    keys.reduce((from, key) => {
      if (typeof from === "object" && typeof key === "string") return Object.hasOwn(from, key) ? from[key] : "";
      throw new TemplateError(`cannot index ${textOf(from)} with ${textOf(key)}`);
    }, value),
  slice: ([value, from = 0, to]) => {
    if (typeof value !== "string" || typeof from !== "number") throw new TemplateError(`cannot slice ${textOf(value)}`);
    const end = typeof to === "number" ? to : value.length;
    if (from < 0 || end > value.length || from > end) throw new TemplateError(`slice of ${JSON.stringify(value)} is out of range`);
    return value.slice(from, end);
  },
  print: (args) =>
    args
      .map((one, index) => {
        const spaced = index > 0 && typeof one !== "string" && typeof args[index - 1] !== "string";
        return `${spaced ? " " : ""}${printed(one)}`;
      })
      .join(""),
  println: (args) => `${args.map(printed).join(" ")}\n`,
  printf: ([format, ...args]) => {
    if (typeof format !== "string") throw new TemplateError("printf needs a format");
    let next = 0;
    return format.replaceAll(/%(.)/g, (_verb, verb: string) => {
      if (verb === "%") return "%";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      return formatted(verb, args[next++]);
    });
  },
};

const printed = (value: TemplateValue): string => (value === undefined ? "<nil>" : textOf(value));

function formatted(verb: string, value: TemplateValue): string {
  if (verb === "v") return printed(value);
  if (verb === "s" && typeof value === "string") return value;
  if (verb === "q" && typeof value === "string") return goQuote(value);
  if (verb === "d" && typeof value === "number") return String(value);
  if (value === undefined) return `%!${verb}(<nil>)`;
  const type = typeof value === "number" ? "int" : typeof value === "boolean" ? "bool" : typeof value;
  return `%!${verb}(${type}=${textOf(value)})`;
}

/** A missing value is equal to nothing but another. */
const isEqual = (a: TemplateValue, b: TemplateValue): boolean => (a === undefined || b === undefined ? a === b : compare(a, b) === 0);

function compare(a: TemplateValue, b: TemplateValue): number {
  if (typeof a !== typeof b || typeof a === "object") throw new TemplateError("incompatible types for comparison");
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}
