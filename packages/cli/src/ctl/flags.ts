import { splitValues } from "../input/flag-values.ts";
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
export const listed =
  (flag: string) =>
  (value: string, previous: readonly string[] = []): string[] => [...previous, ...(value === "" ? [] : splitValues(value, flag))];
