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

/** Policies of one type, all that there are and those that can be for a service that is called. */
export interface PolicyList<P> {
  all(): readonly P[];
  to(service: string): readonly P[];
}

export const listOf = <P>(policies: readonly P[] | PolicyList<P>): PolicyList<P> =>
  "to" in policies ? policies : { all: () => policies, to: () => policies };

/**
 * Chooses TrafficRoute, TrafficLog, HealthCheck, CircuitBreaker, Retry, Timeout or outbound RateLimit for one dataplane. The
 * returned function tests destinations against nothing but the service's name, and remembers.
 */
export function outboundChooser<P extends ConnectionPolicy>(
  policies: readonly P[] | PolicyList<P>,
  sourceTagSets: readonly Tags[],
  rules: PolicyRules = defaultRules,
): Chooser<string, P> {
  const list = listOf(policies);
  const fromHere = (some: readonly P[]): Ranked<P>[] =>
    some.flatMap((policy) => {
      const rank = bestMatch(policy.spec.sources, sourceTagSets);
      return rank ? [{ policy, rank }] : [];
    });
  const matching = (service: string) => toDestination(fromHere(list.to(service)), { "kuma.io/service": service });
  const chosen = new Map<string, P | undefined>();
  const choose = (service: string): P | undefined => {
    if (!chosen.has(service)) chosen.set(service, winner(matching(service), rules));
    return chosen.get(service);
  };
  return Object.assign(choose, {
    candidates: (service: string) => accountFor(list.all(), matching(service), missedBy(fromHere(list.all())), rules),
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
