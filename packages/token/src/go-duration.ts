/**
 * Go's duration text ("24h0m0s", "1.5h", "-10ms"), which kumactl sends and configuration files contain.
 * Syntax and error texts: https://pkg.go.dev/time#ParseDuration
 */
const nanoseconds: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const largest = 2n ** 63n - 1n;

export type ParsedDuration = { ok: true; durationMs: number } | { ok: false; error: string };

/** Go escapes what is not printable ASCII in the text it quotes, byte by byte. */
const quote = (text: string): string =>
  `"${[...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (character === '"' || character === "\\") return `\\${character}`;
      return byte < 0x20 || byte >= 0x80 ? `\\x${byte.toString(16).padStart(2, "0")}` : character;
    })
    .join("")}"`;

/** Milliseconds, fractions kept down to the nanosecond. The error is Go's sentence. */
export function parseGoDuration(text: string): ParsedDuration {
  const invalid: ParsedDuration = { ok: false, error: `time: invalid duration ${quote(text)}` };
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return { ok: true, durationMs: 0 };
  if (rest === "") return invalid;
  let total = 0n;
  while (rest !== "") {
    const number = /^(\d*)(?:\.(\d*))?/.exec(rest);
    const [matched = "", whole = "", fraction = ""] = number ?? [];
    if (whole === "" && fraction === "") return invalid;
    rest = rest.slice(matched.length);
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? "";
    if (unit === "") return { ok: false, error: `time: missing unit in duration ${quote(text)}` };
    const size = Object.hasOwn(nanoseconds, unit) ? nanoseconds[unit] : undefined;
    if (size === undefined) return { ok: false, error: `time: unknown unit ${quote(unit)} in duration ${quote(text)}` };
    rest = rest.slice(unit.length);
    total += BigInt(whole === "" ? 0 : whole) * size;
    if (fraction !== "") total += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length);
    if (total > largest) return invalid;
  }
  const durationMs = Number(total) / 1e6;
  return { ok: true, durationMs: text.startsWith("-") ? -durationMs : durationMs };
}

/** The text Go prints for a duration: "24h0m0s", "1m30s", "1.5s", "250ms", "0s". */
export function formatGoDuration(durationMs: number): string {
  const sign = durationMs < 0 ? "-" : "";
  const ms = Math.abs(durationMs);
  if (ms === 0) return "0s";
  const trimmed = (value: number): string => String(Number(value.toFixed(6)));
  if (ms < 1_000) return ms < 1 ? `${sign}${trimmed(ms * 1_000)}µs` : `${sign}${trimmed(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = `${trimmed((ms % 60_000) / 1_000)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}
