import { isIP } from "node:net";
import { parseGoDuration } from "../../duration.ts";
import { ParseError } from "../../schema/parse-error.ts";
import { violation, type Violations } from "../violation.ts";

/** Nanoseconds. A text that is no duration is no matter of validity: the whole document cannot be read. */
function read(text: string): bigint {
  const parsed = parseGoDuration(text);
  if ("error" in parsed) throw new ParseError(parsed.error);
  return parsed.nanoseconds;
}

/** Raises if it is none; any is allowed. */
export function readDuration(text: string | undefined): void {
  if (text !== undefined) read(text);
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

/** A percentage that has to be there; zero is one unless it says otherwise. */
export function* definedDecimalPercentage(path: string, value: number | string, zero?: "above zero"): Violations {
  yield* decimalPercentage(path, value);
  if (zero !== undefined && decimal(value) === 0) yield violation(path, "must be greater than 0");
}

/** A signed number of 32 bits. */
export function readInteger(path: string, value: number): number {
  if (Number.isInteger(value) && Math.abs(value) <= 0x8000_0000) return value;
  throw new ParseError(`json: cannot unmarshal number ${value} into Go struct field ${path} of type int32`);
}

export function* positiveInteger(path: string, value: number | undefined): Violations {
  if (value !== undefined && readInteger(path, value) <= 0) yield violation(path, "must be greater than zero when defined");
}

export function* integerPercentage(path: string, value: number | undefined): Violations {
  if (value === undefined) return;
  const number = readInteger(path, value);
  if (number < 0 || number > 100) yield violation(path, "must be in inclusive range [0, 100]");
}

export function* countAbove(path: string, value: number, least: number): Violations {
  if (readCount(path, value) <= least) yield violation(path, `must be greater than ${least}`);
}

export function* durationAbove(path: string, text: string, leastMs: number): Violations {
  if (read(text) <= BigInt(leastMs) * 1_000_000n) yield violation(path, `must be greater than: ${leastMs}ms`);
}

export function* statusCode(path: string, value: number): Violations {
  const status = readInteger(path, value);
  if (status < 100 || status > 599) yield violation(path, "must be in inclusive range [100, 599]");
}

export function* bandwidth(path: string, text: string): Violations {
  if (text === "") yield violation(path, "must be defined");
  else if (!/^\d*\s?[GMk]+bps$/.test(text)) yield violation(path, "must be in kbps/Mbps/Gbps units");
}

const unixPath = /^(\/[^/\0]+)+\/?$/;
const windowsPath = /^[a-zA-Z]:\\(?:[^\\/:*?"<>|\r\n]+\\)*[^\\/:*?"<>|\r\n]*$/;
export const isFilePath = (text: string): boolean => unixPath.test(text) || windowsPath.test(text);

export function* filePath(path: string, text: string | undefined): Violations {
  if (text !== undefined && !isFilePath(text)) yield violation(path, "must be a valid path when defined");
}

export const isPort = (value: number): boolean => value >= 1 && value <= 65_535;

export function* port(path: string, value: number): Violations {
  if (!isPort(readCount(path, value))) yield violation(path, "port must be a valid (1-65535)");
}

const url = /^([a-z][a-z0-9+.-]*:\/\/)?([^\s/@]+@)?([\w-]+(\.[\w-]+)*|\[[0-9a-f:.]+\])(:\d{1,5})?([/?#]\S*)?$/i;
/** A URL, or its host with a port or a dot. */
export function isUrl(text: string): boolean {
  if (text.length <= 3 || text.length >= 2083 || !/[:.]/.test(text)) return false;
  const [found, , , , , portText] = url.exec(text) ?? [];
  return found !== undefined && (portText === undefined || Number(portText.slice(1)) <= 65_535);
}

export function isCidr(text: string): boolean {
  const [address = "", bits = "", ...more] = text.split("/");
  const version = isIP(address);
  return more.length === 0 && version !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

/** RE2 has flags in front and named groups of its own; what is left is read alike. */
export function isRegex(text: string): boolean {
  try {
    RegExp(text.replace(/^\(\?[imsU]+\)/, "").replaceAll("(?P<", "(?<"));
    return true;
  } catch {
    return false;
  }
}
