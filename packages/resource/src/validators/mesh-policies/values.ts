import { parseGoDuration } from "../../duration.ts";
import { ParseError } from "../../schema/parse-error.ts";
import { violation, type Violations } from "../violation.ts";

/** Nanoseconds. A text that is no duration is no matter of validity: the whole document cannot be read. */
function read(text: string): bigint {
  const parsed = parseGoDuration(text);
  if ("error" in parsed) throw new ParseError(parsed.error);
  return parsed.nanoseconds;
}

export function* positiveDuration(path: string, text: string | undefined, reason = "must be greater than zero when defined"): Violations {
  if (text !== undefined && read(text) <= 0n) yield violation(path, reason);
}

export function* nonNegativeDuration(path: string, text: string | undefined): Violations {
  if (text !== undefined && read(text) < 0n) yield violation(path, "must not be negative when defined");
}

/** A count: negative ones cannot be read at all. */
export function* positiveCount(path: string, value: number | undefined): Violations {
  if (value !== undefined && readCount(path, value) === 0) yield violation(path, "must be greater than 0");
}

export function readCount(path: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new ParseError(`json: cannot unmarshal number ${value} into Go struct field ${path} of type uint32`);
}

export function* percentage(path: string, value: number | undefined): Violations {
  if (value !== undefined && readCount(path, value) > 100) yield violation(path, "must be in inclusive range [0, 100]");
}

/** A number that may be written as text, with decimals. */
export function* decimalPercentage(path: string, value: number | string | undefined): Violations {
  if (value === undefined) return;
  const number = decimal(value);
  if (number === undefined) yield violation(path, "string must be a valid number");
  else if (number < 0 || number > 100) yield violation(path, "must be in inclusive range [0.0, 100.0]");
}

export const decimal = (value: number | string): number | undefined =>
  typeof value === "number" ? value : /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value) ? Number(value) : undefined;
