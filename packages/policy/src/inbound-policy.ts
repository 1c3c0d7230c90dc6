import { accountFor } from "./candidate.ts";
import type { Candidate } from "./candidate.ts";
import { compareRanked, winner } from "./policy-resource.ts";
import type { ConnectionPolicy, Ranked } from "./policy-resource.ts";
import { defaultRules } from "./policy-rules.ts";
import type { PolicyRules } from "./policy-rules.ts";
import { bestMatch, matchesTags, rankOf } from "./selector.ts";
import type { Tags } from "./selector.ts";

/** The one policy of an inbound (or of an external service's tags): TrafficPermission. Sources play no part in choosing. */
export function chooseInboundPolicy<P extends ConnectionPolicy>(
  policies: readonly P[],
  inboundTags: Tags,
  rules: PolicyRules = defaultRules,
): P | undefined {
  return winner(toInbound(policies, inboundTags), rules);
}

/** What became of every policy where `chooseInboundPolicy` had to choose. */
export const inboundPolicyCandidates = <P extends ConnectionPolicy>(
  policies: readonly P[],
  inboundTags: Tags,
  rules: PolicyRules = defaultRules,
): Candidate<P>[] => accountFor(policies, toInbound(policies, inboundTags), () => "destinationsDoNotMatch", rules);

function toInbound<P extends ConnectionPolicy>(policies: readonly P[], inboundTags: Tags): Ranked<P>[] {
  const matching: Ranked<P>[] = [];
  for (const policy of policies) {
    const rank = bestMatch(policy.spec.destinations, [inboundTags]);
    if (rank) matching.push({ policy, rank });
  }
  return matching;
}

/**
 * Every policy whose destinations match an inbound: FaultInjection, RateLimit. Ordered by how specific their FIRST source
 * selector is, because the proxy takes the first whose sources match at run time.
 */
export function inboundPolicies<P extends ConnectionPolicy>(
  policies: readonly P[],
  inboundTags: Tags,
  rules: PolicyRules = defaultRules,
): P[] {
  return policies
    .filter((policy) => (policy.spec.destinations ?? []).some((selector) => matchesTags(selector.match, inboundTags)))
    .map((policy): Ranked<P> => ({ policy, rank: rankOf(policy.spec.sources?.[0]?.match) }))
    .sort(compareRanked(rules))
    .map(({ policy }) => policy);
}

/** What became of every policy of a kind of which all that match act, in the order in which they are tried. */
export function inboundPoliciesCandidates<P extends ConnectionPolicy>(
  policies: readonly P[],
  inboundTags: Tags,
  rules: PolicyRules = defaultRules,
): Candidate<P>[] {
  const acting = inboundPolicies(policies, inboundTags, rules);
  const missed = policies.filter((policy) => !acting.includes(policy));
  return [
    ...acting.map((policy): Candidate<P> => ({ policy, verdict: "acts" })),
    ...missed.map((policy): Candidate<P> => ({ policy, verdict: "destinationsDoNotMatch" })),
  ];
}
