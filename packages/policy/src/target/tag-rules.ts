import type { Tags } from "../selector.ts";
import { maximalCliques } from "./cliques.ts";
import { originsOf, shapeOf } from "./rule-entry.ts";
import type { BackendOrigins, RuleEntry, RuleOrigin } from "./rule-entry.ts";
import { combinations, containsElement, includesSubset, intersect, positiveCount, subsetOf } from "./subset.ts";
import type { Subset } from "./subset.ts";
import { knownByTags } from "./target-ref.ts";

/** One configuration for the proxies of a subset. */
export interface TagRule {
  subset: Subset;
  conf: unknown;
  /** The weakest first. */
  origins: RuleOrigin[];
  backends: BackendOrigins;
}

interface Selecting {
  entry: RuleEntry;
  subset: Subset;
}

/**
 * Rules that part all proxies by their tags, most particular first: the first that contains a proxy is the proxy's. `entries` come the
 * weakest first. With `negations` a rule may say which values a tag does not have, as it must where several rules stand beside each
 * other in a proxy; without, a rule for less is just before the rule for more.
 */
export function tagRules(entries: readonly RuleEntry[], negations: boolean): TagRule[] {
  const selecting = entries.flatMap((entry): Selecting[] => {
    const subset = knownByTags(entry.ref.kind) ? subsetOf(entry.ref) : undefined;
    return subset ? [{ entry, subset }] : [];
  });
  if (selecting.length === 0) return [];
  const keys = new Set(selecting.flatMap(({ subset }) => subset.map(({ key }) => key)));
  if (!negations && keys.size <= 1) {
    const distinct = new Map(selecting.map(({ subset }) => [JSON.stringify(subset), subset]));
    return [...distinct.values()].flatMap((subset) => ruleFor(subset, selecting)).toSorted((a, b) => b.subset.length - a.subset.length);
  }
  const rules = groups(selecting).flatMap((group) => {
    const conditions = new Map(group.flatMap(({ subset }) => subset.map((one) => [`${one.key}\0${one.value}`, one] as const)));
    const sorted = [...conditions].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    return [...combinations(sorted)].flatMap((subset) => ruleFor(subset, selecting));
  });
  return rules.toSorted((a, b) => positiveCount(b.subset) - positiveCount(a.subset));
}

/** Entries that can meet in one proxy, in the order in which Kuma goes through them. */
function groups(selecting: readonly Selecting[]): Selecting[][] {
  return maximalCliques(selecting.length, (a, b) => intersect(selecting[a]!.subset, selecting[b]!.subset))
    .toSorted((a, b) => (a.join(":") > b.join(":") ? -1 : 1))
    .map((group) => group.map((index) => selecting[index]!));
}

function ruleFor(subset: Subset, selecting: readonly Selecting[]): TagRule[] {
  const relevant = selecting.filter((one) => includesSubset(one.subset, subset)).map(({ entry }) => entry);
  if (relevant.length === 0) return [];
  const { origins, backends } = originsOf(relevant, "policy");
  const confs = shapeOf(relevant[0]!.policy.type).merge(relevant.map(({ conf }) => conf));
  return confs.map((conf) => ({ subset, conf, origins, backends }));
}

/** The rule of something with these tags; no tags = of the mesh as a whole. */
export const tagRuleFor = (rules: readonly TagRule[], element: Tags): TagRule | undefined =>
  rules.find(({ subset }) => containsElement(subset, element));
