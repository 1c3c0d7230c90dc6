import type { Tags } from "../selector.ts";
import { serviceTag } from "./target-ref.ts";
import type { TargetRef } from "./target-ref.ts";

/** One condition on a tag: it has the value; with `not`, another or none. */
export interface TagCondition {
  key: string;
  value: string;
  not: boolean;
}

/** Proxies that meet all conditions; none = all proxies. */
export type Subset = readonly TagCondition[];

/** What a reference selects, sorted by key. undefined for kinds that are not known by tags. */
export function subsetOf({ kind, name = "", tags = {} }: TargetRef): Subset | undefined {
  const positive = (...all: readonly (readonly [string, string])[]): Subset =>
    all.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, value]) => ({ key, value, not: false }));
  switch (kind) {
    case "Mesh":
      return [];
    case "MeshSubset":
      return positive(...Object.entries(tags));
    case "MeshService":
      return positive([serviceTag, name]);
    case "MeshServiceSubset":
      return positive([serviceTag, name], ...Object.entries(tags));
    default:
      return undefined;
  }
}

/** Whether something with these tags is in the subset. A tag that is missing meets each `not`. */
export function containsElement(subset: Subset, element: Tags): boolean {
  // As in Kuma: what has no tags at all is only in the subset of everything.
  if (subset.length > 0 && Object.keys(element).length === 0) return false;
  return subset.every(({ key, value, not }) => {
    const own = element[key];
    return own === undefined ? not : (own === value) !== not;
  });
}

/** Whether everything in `inner` is in `outer`, by the conditions alone. */
export function includesSubset(outer: Subset, inner: Subset): boolean {
  return outer.every((condition) => {
    const same = inner.filter(({ key }) => key === condition.key);
    return same.length > 0 && same.every((other) => implies(other, condition));
  });
}

function implies(inner: TagCondition, outer: TagCondition): boolean {
  if (inner.not === outer.not) return inner.value === outer.value;
  return outer.not && inner.value !== outer.value;
}

/** Whether something can be in both: no tag is asked for with two values. */
export const intersect = (a: Subset, b: Subset): boolean =>
  a.every(({ key, value, not }) => not || b.every((other) => other.not || other.key !== key || other.value === value));

export const positiveCount = (subset: Subset): number => subset.filter(({ not }) => !not).length;

/**
 * Every way to have, of each key, one of its values or none of them. The order is the one that rules of equal weight keep, and so
 * decides which of two is met first: keys count like the digits of a number, the first the fastest, values from the last to the first.
 */
export function* combinations(conditions: Subset): Generator<Subset> {
  const values = new Map<string, string[]>();
  for (const { key, value } of conditions) {
    const known = values.get(key) ?? [];
    if (!known.includes(value)) known.push(value);
    values.set(key, known);
  }
  const digits = [...values];
  const state = digits.map(() => 0);
  const current = (): Subset =>
    digits.flatMap(([key, all], index): TagCondition[] => {
      const at = state[index]!;
      if (at === all.length) return all.map((value) => ({ key, value, not: true }));
      return [{ key, value: all[all.length - at - 1]!, not: false }];
    });
  for (;;) {
    let index = 0;
    for (; index < state.length; index++) {
      state[index]!++;
      if (state[index]! <= digits[index]![1].length) break;
      state[index] = 0;
    }
    yield current();
    if (index === state.length) return;
  }
}
