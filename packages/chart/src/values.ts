/** How values of charts are taken: as true or not, as text, and one laid over another. */
export type Values = Record<string, unknown>;

export const isMap = (value: unknown): value is Values => typeof value === "object" && value !== null && !Array.isArray(value);

/** Go's: empty things are false. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** Helm shows what is not there as nothing. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What `over` says counts; maps are merged. A null takes a default away. */
export function mergeValues(below: Values, over: Values): Values {
  const merged: Values = { ...below };
  for (const [name, value] of Object.entries(over)) {
    if (value === null) delete merged[name];
    else merged[name] = isMap(value) && isMap(merged[name]) ? mergeValues(merged[name], value) : value;
  }
  return merged;
}
