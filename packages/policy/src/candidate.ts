import { compareRanked } from "./policy-resource.ts";
import type { NamedPolicy, Ranked } from "./policy-resource.ts";
import type { PolicyRules } from "./policy-rules.ts";
import { compareRanks } from "./selector.ts";
import type { Rank } from "./selector.ts";

/**
 * What became of one policy where one of its type had to be chosen: it is the one, it acts beside others (kinds of which all that
 * match act), or why it is not: nothing of its `sources`, `destinations` or `selectors` matches; it matches less exactly; it is as
 * exact and its age decides, or at one age its name; a policy for any service goes first where there are several destinations.
 */
export type Verdict =
  | "chosen"
  | "acts"
  | "sourcesDoNotMatch"
  | "destinationsDoNotMatch"
  | "selectorsDoNotMatch"
  | "lessExact"
  | "newer"
  | "older"
  | "laterName"
  | "anyServiceFirst";

export interface Candidate<P> {
  policy: P;
  verdict: Verdict;
  /** Of its best match; absent where nothing matches. */
  rank?: Rank;
}

/** Chooses a policy for a destination, and tells on request what became of every policy there was. */
export interface Chooser<Destination, P> {
  (destination: Destination): P | undefined;
  candidates(destination: Destination): Candidate<P>[];
}

/**
 * Accounts for all of `policies`, given those that match with their ranks, winner first. `missed` says why one that is not among the
 * ranked is not.
 */
export function accountFor<P extends NamedPolicy>(
  policies: readonly P[],
  ranked: readonly Ranked<P>[],
  missed: (policy: P) => Verdict,
  rules: PolicyRules,
): Candidate<P>[] {
  const sorted = ranked.toSorted(compareRanked(rules));
  const matching = new Set(ranked.map(({ policy }) => policy));
  return [
    ...sorted.map(({ policy, rank }, index): Candidate<P> => {
      const verdict = index === 0 ? "chosen" : beatenBy(sorted[0]!, { policy, rank });
      return { policy, verdict, rank };
    }),
    ...policies.filter((policy) => !matching.has(policy)).map((policy): Candidate<P> => ({ policy, verdict: missed(policy) })),
  ];
}

/** Why the first of two that both match goes before the second. */
function beatenBy<P extends NamedPolicy>(winner: Ranked<P>, loser: Ranked<P>): Verdict {
  return compareRanks(loser.rank, winner.rank) < 0 ? "lessExact" : byAge(winner.policy, loser.policy);
}

export function byAge(winner: NamedPolicy, loser: NamedPolicy): Verdict {
  const difference = Date.parse(loser.creationTime) - Date.parse(winner.creationTime);
  return difference > 0 ? "newer" : difference < 0 ? "older" : "laterName";
}
