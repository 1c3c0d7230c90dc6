import type { PolicyRules } from "./policy-rules.ts";
import { compareRanks } from "./selector.ts";
import type { Rank, Selector } from "./selector.ts";

/** What choosing needs to know of any policy. */
export interface NamedPolicy {
  name: string;
  /** RFC 3339. */
  creationTime: string;
}

/** A policy between sources and destinations. */
export interface ConnectionPolicy extends NamedPolicy {
  spec: { sources?: readonly Selector[] | undefined; destinations?: readonly Selector[] | undefined };
}

/** A policy on whole dataplanes. */
export interface DataplanePolicy extends NamedPolicy {
  spec: { selectors?: readonly Selector[] | undefined };
}

export interface Ranked<P> {
  policy: P;
  rank: Rank;
}

/** Oldest first; equal times by name. */
export function compareAge(a: NamedPolicy, b: NamedPolicy): number {
  if (a.creationTime !== b.creationTime) {
    const difference = Date.parse(a.creationTime) - Date.parse(b.creationTime);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
  }
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Orders the winner first: highest rank, then age by the rules, then name. */
export function compareRanked(rules: PolicyRules): <P extends NamedPolicy>(a: Ranked<P>, b: Ranked<P>) => number {
  return (a, b) => {
    const byRank = compareRanks(b.rank, a.rank);
    if (byRank !== 0) return byRank;
    if (a.policy.creationTime === b.policy.creationTime || rules.equalRank === "oldest") return compareAge(a.policy, b.policy);
    const difference = Date.parse(b.policy.creationTime) - Date.parse(a.policy.creationTime);
    return Number.isNaN(difference) || difference === 0 ? compareAge(a.policy, b.policy) : difference;
  };
}

/** The winner of a list, or undefined if it is empty. */
export function winner<P extends NamedPolicy>(ranked: readonly Ranked<P>[], rules: PolicyRules): P | undefined {
  const compare = compareRanked(rules);
  let best: Ranked<P> | undefined;
  for (const candidate of ranked) if (!best || compare(candidate, best) < 0) best = candidate;
  return best?.policy;
}
