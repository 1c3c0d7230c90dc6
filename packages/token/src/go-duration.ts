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
