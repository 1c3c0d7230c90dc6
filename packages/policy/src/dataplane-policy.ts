import { accountFor } from "./candidate.ts";
import type { Candidate } from "./candidate.ts";
import { compareRanked, winner } from "./policy-resource.ts";
import type { DataplanePolicy, Ranked } from "./policy-resource.ts";
import { defaultRules } from "./policy-rules.ts";
import type { PolicyRules } from "./policy-rules.ts";
import { bestMatch } from "./selector.ts";
import type { Tags } from "./selector.ts";

function ranked<P extends DataplanePolicy>(policies: readonly P[], tagSets: readonly Tags[]): Ranked<P>[] {
  const matching: Ranked<P>[] = [];
  for (const policy of policies) {
    const { selectors } = policy.spec;
    const rank = selectors?.length ? bestMatch(selectors, tagSets) : { exact: 0, wildcard: 0 };
    if (rank) matching.push({ policy, rank });
  }
  return matching;
}

/** The one TrafficTrace, ProxyTemplate or MeshGateway of a dataplane. No selectors: matches every dataplane with rank 0. */
export function chooseDataplanePolicy<P extends DataplanePolicy>(
  policies: readonly P[],
  tagSets: readonly Tags[],
  rules: PolicyRules = defaultRules,
): P | undefined {
  return winner(ranked(policies, tagSets), rules);
}

/** What became of every policy where `chooseDataplanePolicy` had to choose. */
export const dataplanePolicyCandidates = <P extends DataplanePolicy>(
  policies: readonly P[],
  tagSets: readonly Tags[],
  rules: PolicyRules = defaultRules,
): Candidate<P>[] => accountFor(policies, ranked(policies, tagSets), () => "selectorsDoNotMatch", rules);

/** All policies that match a dataplane, the winner first: VirtualOutbound. */
export function dataplanePolicies<P extends DataplanePolicy>(
  policies: readonly P[],
  tagSets: readonly Tags[],
  rules: PolicyRules = defaultRules,
): P[] {
  return ranked(policies, tagSets)
    .sort(compareRanked(rules))
    .map(({ policy }) => policy);
}
