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
): (service: string) => P | undefined {
  const fromHere: Ranked<P>[] = [];
  for (const policy of policies) {
    const rank = bestMatch(policy.spec.sources, sourceTagSets);
    if (rank) fromHere.push({ policy, rank });
  }
  const chosen = new Map<string, P | undefined>();
  return (service) => {
    if (!chosen.has(service)) chosen.set(service, winner(toDestination(fromHere, { "kuma.io/service": service }), rules));
    return chosen.get(service);
  };
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
