import { parseGoDuration } from "@atoll/resource";
import { fileFault, readTextFile } from "@atoll/yaml";
import { DpOptionsError } from "./dp-options-error.ts";

export function wholeNumber(flag: string, text: string, largest = Number.MAX_SAFE_INTEGER): number {
  if (!/^\d+$/.test(text) || Number(text) > largest) {
    const range = largest === Number.MAX_SAFE_INTEGER ? "" : ` from 0 to ${largest}`;
    throw new DpOptionsError(`${flag}: "${text}" is not a whole number${range}`);
  }
  return Number(text);
}

/** Seconds of a Go duration above 0: 30s, 1m30s, 500ms. */
export function durationS(flag: string, text: string): number {
  const parsed = parseGoDuration(text);
  if ("error" in parsed) throw new DpOptionsError(`${flag}: "${text}" is not a duration such as 30s`);
  const seconds = Number(parsed.nanoseconds) / 1e9;
  if (seconds <= 0) throw new DpOptionsError(`${flag}: "${text}" has to be more than 0`);
  return seconds;
}

/** A flag without a value is true. */
export function truth(flag: string, value: string | boolean): boolean {
  if (typeof value === "boolean") return value;
  if (/^(true|1|t)$/i.test(value)) return true;
  if (/^(false|0|f)$/i.test(value)) return false;
  throw new DpOptionsError(`${flag}: "${value}" is neither true nor false`);
}

/** Text of the file that a flag names. @throws DpOptionsError that says which */
export function fileText(flag: string, path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    throw new DpOptionsError(`${flag}: cannot read ${path}: ${fileFault(error)}`);
  }
}
