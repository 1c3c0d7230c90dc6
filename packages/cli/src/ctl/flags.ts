import { CtlError } from "./ctl-error.ts";

/** Fails with the names of the flags that are needed and were not given, in the words scripts know. */
export function requireFlags(values: Readonly<Record<string, unknown>>, ...names: readonly string[]): void {
  const missing = names.filter((name) => values[camelCase(name)] === undefined).toSorted();
  if (missing.length > 0) throw new CtlError(`required flag(s) ${missing.map((name) => `"${name}"`).join(", ")} not set`);
}

const camelCase = (name: string): string => name.replace(/-([a-z])/g, (_whole, letter: string) => letter.toUpperCase());

/** Collects a flag that may be repeated, as it is. */
export const repeated = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

/** Collects a flag that may be repeated and whose values may be several, separated by commas. */
export const listed = (value: string, previous: readonly string[] = []): string[] => [...previous, ...value.split(",")];

/**
 * `key=value` of a flag that may be repeated. One text may hold several, separated by commas; a text with one `=` is one pair, whose
 * value may have commas.
 */
export function pairs(flag: string, texts: readonly string[] = []): Record<string, string> {
  const entries = texts.flatMap((text) => (text.split("=").length <= 2 ? [text] : text.split(",")));
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf("=");
      if (at < 0)
        throw new CtlError(`invalid argument ${JSON.stringify(entry)} for "--${flag}" flag: ${entry} must be formatted as key=value`);
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
