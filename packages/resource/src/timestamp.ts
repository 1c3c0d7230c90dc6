const rfc3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})$/;
const layout = "2006-01-02T15:04:05Z07:00";

/** Reads RFC 3339 and gives the instant in UTC with 0, 3, 6 or 9 fractional digits, as protobuf writes timestamps. */
export function parseTimestamp(text: string): { text: string } | { error: string } {
  const parts = rfc3339.exec(text);
  const milliseconds = parts ? Date.parse(`${parts[1]}${parts[3]}`) : Number.NaN;
  if (!parts || Number.isNaN(milliseconds)) {
    return { error: `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(text)} as "2006"` };
  }
  const fraction = (parts[2] ?? "").padEnd(9, "0").replace(/(000){1,3}$/, "");
  const seconds = new Date(milliseconds).toISOString().slice(0, 19);
  return { text: `${seconds}${fraction === "" ? "" : `.${fraction}`}Z` };
}
