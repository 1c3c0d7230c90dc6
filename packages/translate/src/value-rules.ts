import type { Duration } from "@bufbuild/protobuf/wkt";
import type { DurationRules, FieldRules, StringRules } from "@atoll/envoy-api/validate/validate_pb.js";
import { KnownRegex } from "@atoll/envoy-api/validate/validate_pb.js";

/** Why a value is refused; undefined if it is not. */
type Refuse = (value: unknown) => string | undefined;

/** The rules that are there: those that are not read as zeros. */
const said = <M extends object>(message: M): Partial<M> => ({ ...message });

/** What the rules of a field demand of a scalar or an enum; undefined if nothing. */
export function valueRule(rule: FieldRules | undefined, enumValues: readonly { number: number }[] | undefined): Refuse | undefined {
  const type = rule?.type;
  if (type === undefined) return undefined;
  switch (type.case) {
    case undefined:
    case "bool":
    case "repeated":
    case "map":
    case "any":
    case "duration":
    case "timestamp":
      return undefined;
    case "string":
      return stringRule(type.value);
    case "bytes": {
      const { minLen, maxLen } = said(type.value);
      if (minLen === undefined && maxLen === undefined) return undefined;
      return (value) => lengthFault(BigInt((value as Uint8Array).length), minLen, maxLen, "bytes");
    }
    case "enum": {
      const { definedOnly, notIn = [], in: choices = [] } = said(type.value);
      const known = new Set(enumValues?.map(({ number }) => number));
      return (value) => {
        if (definedOnly === true && enumValues !== undefined && !known.has(value as number))
          return "value must be one of the defined enum values";
        return listFault(value, choices, notIn);
      };
    }
    default: {
      const {
        in: choices = [],
        notIn = [],
        ignoreEmpty,
        ...limits
      } = said(type.value) as Limits<number> & {
        in?: unknown[];
        notIn?: unknown[];
        ignoreEmpty?: boolean;
      };
      return (value) => {
        if (ignoreEmpty === true && !value) return undefined;
        return rangeFault(value as number, limits, String) ?? listFault(value, choices, notIn);
      };
    }
  }
}

function stringRule(rule: StringRules): Refuse | undefined {
  const { const: only, len, minLen, maxLen, minBytes, maxBytes, prefix, suffix, contains, notContains, pattern, ignoreEmpty } = said(rule);
  const { in: choices = [], notIn = [] } = rule;
  const known = rule.wellKnown.case === "wellKnownRegex" ? knownPattern(rule.wellKnown.value, said(rule).strict ?? true) : undefined;
  const written = pattern === undefined || pattern === "" ? undefined : new RegExp(pattern, "u");
  return (value) => {
    const text = value as string;
    if (ignoreEmpty === true && text === "") return undefined;
    if (only !== undefined && text !== only) return `value must equal ${only}`;
    if (len !== undefined && BigInt([...text].length) !== len) return `value length must be ${len} runes`;
    const tooLong =
      (minLen === undefined && maxLen === undefined ? undefined : lengthFault(BigInt([...text].length), minLen, maxLen, "runes")) ??
      (minBytes === undefined && maxBytes === undefined
        ? undefined
        : lengthFault(BigInt(Buffer.byteLength(text)), minBytes, maxBytes, "bytes"));
    if (tooLong !== undefined) return tooLong;
    if (prefix !== undefined && !text.startsWith(prefix)) return `value does not have prefix ${JSON.stringify(prefix)}`;
    if (suffix !== undefined && !text.endsWith(suffix)) return `value does not have suffix ${JSON.stringify(suffix)}`;
    if (contains !== undefined && !text.includes(contains)) return `value does not contain substring ${JSON.stringify(contains)}`;
    if (notContains !== undefined && text.includes(notContains)) return `value contains substring ${JSON.stringify(notContains)}`;
    for (const form of [known, written])
      if (form !== undefined && !form.test(text)) return `value does not match regex pattern ${JSON.stringify(form.source)}`;
    return listFault(text, choices, notIn);
  };
}

interface Form {
  readonly source: string;
  test(text: string): boolean;
}

/** Names and values of HTTP headers; what is not strict only keeps messages apart. The source is as validators tell it. */
function knownPattern(known: KnownRegex, strict: boolean): Form | undefined {
  if (known !== KnownRegex.HTTP_HEADER_NAME && known !== KnownRegex.HTTP_HEADER_VALUE) return undefined;
  if (!strict) return { source: "^[^\\u0000\\u000A\\u000D]*$", test: isOneLine };
  if (known === KnownRegex.HTTP_HEADER_NAME) return /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/;
  const isControl = (character: string) => character !== "\t" && (character < " " || character === "\u007f");
  return { source: "^[^\\u0000-\\u0008\\u000A-\\u001F\\u007F]*$", test: (text) => ![...text].some(isControl) };
}

const isOneLine = (text: string): boolean => !["\0", "\n", "\r"].some((character) => text.includes(character));

function lengthFault(length: bigint, min: bigint | undefined, max: bigint | undefined, unit: string): string | undefined {
  if (min !== undefined && max !== undefined && (length < min || length > max))
    return `value length must be between ${min} and ${max} ${unit}, inclusive`;
  if (min !== undefined && length < min) return `value length must be at least ${min} ${unit}`;
  return max !== undefined && length > max ? `value length must be at most ${max} ${unit}` : undefined;
}

function listFault(value: unknown, choices: readonly unknown[], notIn: readonly unknown[]): string | undefined {
  if (choices.length > 0 && !choices.includes(value)) return `value must be in list [${choices.join(" ")}]`;
  return notIn.includes(value) ? `value must not be in list [${notIn.join(" ")}]` : undefined;
}

/** What the rules of a duration demand. */
export function durationFault(rule: DurationRules): Refuse | undefined {
  const limits: Limits<bigint> = {};
  for (const name of ["gt", "gte", "lt", "lte"] as const) {
    const limit = rule[name];
    if (limit !== undefined) limits[name] = nanoseconds(limit);
  }
  if (Object.keys(limits).length === 0) return undefined;
  return (value) => rangeFault(nanoseconds(value as Duration), limits, goDuration);
}

const nanoseconds = ({ seconds, nanos }: Pick<Duration, "seconds" | "nanos">): bigint => seconds * 1_000_000_000n + BigInt(nanos);

type Limits<N> = { gt?: N; gte?: N; lt?: N; lte?: N };

function rangeFault<N extends number | bigint>(value: N, { gt, gte, lt, lte }: Limits<N>, show: (limit: N) => string): string | undefined {
  const low = gt ?? gte;
  const high = lt ?? lte;
  const tooLow = (gt !== undefined && value <= gt) || (gte !== undefined && value < gte);
  const tooHigh = (lt !== undefined && value >= lt) || (lte !== undefined && value > lte);
  if (!tooLow && !tooHigh) return undefined;
  if (low !== undefined && high !== undefined)
    return `value must be inside range ${gt === undefined ? "[" : "("}${show(low)}, ${show(high)}${lt === undefined ? "]" : ")"}`;
  if (low !== undefined) return `value must be greater than ${gt === undefined ? "or equal to " : ""}${show(low)}`;
  return `value must be less than ${lt === undefined ? "or equal to " : ""}${show(high!)}`;
}

const goDuration = (value: bigint): string =>
  value !== 0n && value % 1_000_000_000n !== 0n ? `${Number(value) / 1e6}ms` : `${value / 1_000_000_000n}s`;
