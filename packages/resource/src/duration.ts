const unitNanoseconds: Record<string, bigint> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const secondNanoseconds = 1_000_000_000n;
const maxNanoseconds = (1n << 63n) - 1n;

/**
 * Reads Go's duration notation, which is what documents use: "5s", "1m30s", "1.5h", "-1s", "0".
 * Source: pkg.go.dev/time#ParseDuration
 */
export function parseGoDuration(text: string): { nanoseconds: bigint } | { error: string } {
  const invalid = () => ({ error: `time: invalid duration ${quoted(text)}` });
  const negative = text.startsWith("-");
  let rest = text.replace(/^[-+]/, "");
  if (rest === "0") return { nanoseconds: 0n };
  if (rest === "") return invalid();
  let total = 0n;
  while (rest !== "") {
    const digits = /^([0-9]*)(?:\.([0-9]*))?/.exec(rest);
    const whole = digits?.[1] ?? "";
    const fraction = digits?.[2] ?? "";
    if (whole === "" && fraction === "") return invalid();
    rest = rest.slice(digits?.[0].length ?? 0);
    const unit = /^[^0-9.]+/.exec(rest)?.[0] ?? "";
    if (unit === "") return { error: `time: missing unit in duration ${quoted(text)}` };
    const factor = Object.hasOwn(unitNanoseconds, unit) ? unitNanoseconds[unit] : undefined;
    if (factor === undefined) return { error: `time: unknown unit ${quoted(unit)} in duration ${quoted(text)}` };
    rest = rest.slice(unit.length);
    total += BigInt(whole || "0") * factor;
    if (fraction !== "") total += (BigInt(fraction) * factor) / 10n ** BigInt(fraction.length);
    if (total > maxNanoseconds) return invalid();
  }
  return { nanoseconds: negative ? -total : total };
}

/** Protobuf's JSON form of a duration: seconds with 0, 3, 6 or 9 fractional digits. */
export function formatDuration(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? "-" : "";
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = (absolute % secondNanoseconds).toString().padStart(9, "0");
  const shown = fraction.replace(/(000){1,3}$/, "");
  return `${sign}${absolute / secondNanoseconds}${shown === "" ? "" : `.${shown}`}s`;
}

/** Go's notation as Go writes it: "1h0m0s", "1.5s", "25ms", "0s". Source: pkg.go.dev/time#Duration.String */
export function formatGoDuration(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? "-" : "";
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (absolute === 0n) return "0s";
  const unit = (["ns", "µs", "ms"] as const).find((name) => absolute < 1000n * unitNanoseconds[name]!);
  if (unit !== undefined) return `${sign}${decimal(absolute, unitNanoseconds[unit]!)}${unit}`;
  const [hours, minutes] = [absolute / unitNanoseconds["h"]!, (absolute / unitNanoseconds["m"]!) % 60n];
  const seconds = `${decimal(absolute % unitNanoseconds["m"]!, secondNanoseconds)}s`;
  return `${sign}${hours > 0n ? `${hours}h` : ""}${hours > 0n || minutes > 0n ? `${minutes}m` : ""}${seconds}`;
}

/** `value` in units of so many, without zeros behind. */
function decimal(value: bigint, unit: bigint): string {
  const fraction =
    unit === 1n
      ? ""
      : (value % unit)
          .toString()
          .padStart(unit.toString().length - 1, "0")
          .replace(/0+$/, "");
  return `${value / unit}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Milliseconds of a duration as stored in specs ("5s", "0.250s") or in Go's notation; throws on anything else. */
export function durationMs(text: string): number {
  const parsed = parseGoDuration(text);
  if ("error" in parsed) throw new RangeError(parsed.error);
  return Number(parsed.nanoseconds) / 1e6;
}

/** Text as these errors have always shown it: what is not printable ASCII goes byte by byte. */
const quoted = (text: string): string =>
  `"${[...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (char === '"' || char === "\\") return `\\${char}`;
      return byte < 0x20 || byte >= 0x80 ? `\\x${byte.toString(16).padStart(2, "0")}` : char;
    })
    .join("")}"`;
