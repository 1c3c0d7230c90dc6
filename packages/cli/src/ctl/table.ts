/** Columns padded to their widest cell, three spaces between, as kumactl prints. */
export function renderTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headers.map((header, column) => Math.max(header.length, ...rows.map((row) => (row[column] ?? "").length)));
  return [headers, ...rows]
    .map(
      (row) =>
        headers
          .map((_, column) => (column === headers.length - 1 ? (row[column] ?? "") : (row[column] ?? "").padEnd(widths[column]! + 3)))
          .join("") + "\n",
    )
    .join("");
}

/** Go's short age: 5s, 3m, 7h, 2d, 1y; "never" without a time. */
export function age(time: string | undefined, now: Date): string {
  if (time === undefined || time.startsWith("0001-")) return "never";
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(time)) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  if (seconds < 31_536_000) return `${Math.floor(seconds / 86_400)}d`;
  return `${Math.floor(seconds / 31_536_000)}y`;
}

/** `a=1,2 b=3`: values of each tag over all tag sets. */
export function renderTags(sets: readonly Record<string, string>[]): string {
  const values = new Map<string, Set<string>>();
  for (const tags of sets) for (const [key, value] of Object.entries(tags)) values.set(key, (values.get(key) ?? new Set()).add(value));
  return [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, set]) => `${key}=${[...set].sort().join(",")}`)
    .join(" ");
}
