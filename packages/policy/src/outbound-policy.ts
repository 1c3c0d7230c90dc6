import { accountFor } from "./candidate.ts";
import type { Chooser } from "./candidate.ts";
import { winner } from "./policy-resource.ts";
import type { ConnectionPolicy, Ranked } from "./policy-resource.ts";
import { defaultRules } from "./policy-rules.ts";
import type { PolicyRules } from "./policy-rules.ts";
import { bestMatch, combineRanks, compareRanks, matchesTags, rankOf } from "./selector.ts";
import type { Rank, Tags } from "./selector.ts";

/** The pseudo service that a TrafficLog meets for traffic that leaves the mesh, and for a builtin gateway's listeners. */
export const passThroughService = "pass_through";

/**
 * Chooses TrafficRoute, TrafficLog, HealthCheck, CircuitBreaker, Retry, Timeout or outbound RateLimit for one dataplane. The
 * sources are tested once; the returned function tests destinations against nothing but the service's name, and remembers.
 */
export function outboundChooser<P extends ConnectionPolicy>(
  policies: readonly P[],
  sourceTagSets: readonly Tags[],
  rules: PolicyRules = defaultRules,
): Chooser<string, P> {
  const fromHere: Ranked<P>[] = [];
  for (const policy of policies) {
    const rank = bestMatch(policy.spec.sources, sourceTagSets);
    if (rank) fromHere.push({ policy, rank });
  }
  const matching = (service: string) => toDestination(fromHere, { "kuma.io/service": service });
  const chosen = new Map<string, P | undefined>();
  const choose = (service: string): P | undefined => {
    if (!chosen.has(service)) chosen.set(service, winner(matching(service), rules));
    return chosen.get(service);
  };
  return Object.assign(choose, {
    candidates: (service: string) => accountFor(policies, matching(service), missedBy(fromHere), rules),
  });
}

/** Which end of a policy does not match, given those whose sources do. */
export function missedBy<P extends ConnectionPolicy>(fromHere: readonly Ranked<P>[]) {
  const sourced = new Set(fromHere.map(({ policy }) => policy));
  return (policy: P) => (sourced.has(policy) ? "destinationsDoNotMatch" : "sourcesDoNotMatch");
}

/** Those of the source-ranked policies that match the destination, with the best combined rank each. */
export function toDestination<P extends ConnectionPolicy>(fromHere: readonly Ranked<P>[], destination: Tags): Ranked<P>[] {
  const matching: Ranked<P>[] = [];
  for (const { policy, rank } of fromHere) {
    let best: Rank | undefined;
    for (const { match } of policy.spec.destinations ?? []) {
      if (!matchesTags(match, destination)) continue;
      const combined = combineRanks(rank, rankOf(match));
      if (!best || compareRanks(combined, best) > 0) best = combined;
    }
    if (best) matching.push({ policy, rank: best });
  }
  return matching;
}
