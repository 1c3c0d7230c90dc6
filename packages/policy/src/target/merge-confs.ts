type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** Lists that grow where others are replaced. */
const grows = (name: string): boolean => /^append[A-Z]/.test(name);

/**
 * One configuration of several, a later one over an earlier one: objects merge (RFC 7396), anything else replaces, lists whose name
 * begins with `append` grow. Nothing that is given is changed.
 */
export function mergeConfs<Conf>(confs: readonly Conf[]): Conf {
  return confs.reduce((merged: unknown, conf) => (merged === undefined ? conf : merge(merged, conf)), undefined) as Conf;
}

function merge(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return after;
  const merged: Json = { ...before };
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) continue;
    if (value === null) delete merged[name];
    else if (grows(name) && Array.isArray(value) && Array.isArray(before[name])) merged[name] = [...(before[name] as unknown[]), ...value];
    else merged[name] = merge(before[name], value);
  }
  return merged;
}
