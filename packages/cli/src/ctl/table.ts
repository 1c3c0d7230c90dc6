/** Columns padded to their widest cell, three spaces between them. */
export function renderTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headers, ...rows];
  const widths = headers.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const last = headers.length - 1;
  return lines
    .map((line) => `${line.map((cell, column) => (column === last ? cell : cell.padEnd(widths[column]! + 3))).join("")}\n`)
    .join("");
}

/** Short age of a time: 5s, 3m, 7h, 2d, 1y; "never" without a time. */
export function age(time: string | undefined, now: Date): string {
  if (time === undefined || time.startsWith("0001-")) return "never";
  const seconds = Math.trunc((now.getTime() - Date.parse(time)) / 1000);
  if (seconds < -1) return "never";
  if (seconds < 60) return `${Math.max(0, seconds)}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  if (seconds < 31_536_000) return `${Math.floor(seconds / 86_400)}d`;
  return `${Math.floor(seconds / 31_536_000)}y`;
}

/** `2026-01-02 03:04:05` in the time zone of this machine; "-" without a time. */
export function date(time: string | undefined): string {
  if (time === undefined) return "-";
  const at = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(two).join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}

/** `a=1,2 b=3`: values of each tag over all tag sets. */
export function renderTags(sets: readonly Readonly<Record<string, string>>[]): string {
  const values = new Map<string, Set<string>>();
  for (const [key, value] of sets.flatMap((tags) => Object.entries(tags))) values.set(key, (values.get(key) ?? new Set()).add(value));
  return [...values]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, set]) => `${key}=${[...set].toSorted().join(",")}`)
    .join(" ");
}
