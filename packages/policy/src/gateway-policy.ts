import { accountFor, byAge } from "./candidate.ts";
import type { Candidate, Chooser, Verdict } from "./candidate.ts";
import { listOf, missedBy, toDestination } from "./outbound-policy.ts";
import type { PolicyList } from "./outbound-policy.ts";
import { compareAge, winner } from "./policy-resource.ts";
import type { ConnectionPolicy, Ranked } from "./policy-resource.ts";
import { defaultRules } from "./policy-rules.ts";
import type { PolicyRules } from "./policy-rules.ts";
import { anyValue, firstMatch } from "./selector.ts";
import type { Tags } from "./selector.ts";

/**
 * Chooses a connection policy for one listener of a builtin gateway: sources are tested against the listener's effective tags
 * (the first matching selector counts, not the best), destinations against all tags of the backend.
 */
export function gatewayChooser<P extends ConnectionPolicy>(
  policies: readonly P[] | PolicyList<P>,
  listenerTags: Tags,
  rules: PolicyRules = defaultRules,
): Chooser<Tags, P> {
  const list = listOf(policies);
  const fromHere = (some: readonly P[]): Ranked<P>[] =>
    some.flatMap((policy) => {
      const rank = firstMatch(policy.spec.sources, listenerTags);
      return rank ? [{ policy, rank }] : [];
    });
  const matching = (destination: Tags) => toDestination(fromHere(list.to(destination["kuma.io/service"] ?? "")), destination);
  const own = { ...rules, equalRank: rules.gatewayEqualRank };
  return Object.assign((destination: Tags) => winner(matching(destination), own), {
    candidates: (destination: Tags) => accountFor(list.all(), matching(destination), missedBy(fromHere(list.all())), own),
  });
}

/**
 * The one policy of a route or listener that reaches several destinations, given what was chosen for each: policies with the
 * destination `*` before all others, and of what is left the oldest.
 */
export function chooseForDestinations<P extends ConnectionPolicy>(
  destinations: readonly Tags[],
  choose: (destination: Tags) => P | undefined,
): P | undefined {
  return contenders(destinations, choose)[0];
}

/** Those chosen for one of the destinations that are in the running for all of them, the winner first. */
function contenders<P extends ConnectionPolicy>(destinations: readonly Tags[], choose: (destination: Tags) => P | undefined): P[] {
  const general: P[] = [];
  const particular: P[] = [];
  for (const destination of destinations) {
    const policy = choose(destination);
    if (!policy) continue;
    for (const { match } of policy.spec.destinations ?? []) {
      const service = match?.["kuma.io/service"];
      if (service === anyValue) general.push(policy);
      else if (service === destination["kuma.io/service"]) particular.push(policy);
    }
  }
  return (general.length > 0 ? general : particular).sort(compareAge);
}

/** From the one that came nearest to those that never had a chance. */
const nearness: Verdict[] = ["chosen", "laterName", "older", "newer", "lessExact", "destinationsDoNotMatch", "sourcesDoNotMatch"];

/** What became of every policy where `chooseForDestinations` had to choose, the winner first. */
export function candidatesForDestinations<P extends ConnectionPolicy>(
  destinations: readonly Tags[],
  choose: Chooser<Tags, P>,
): Candidate<P>[] {
  const running = contenders(destinations, choose);
  const [winner] = running;
  const best = new Map<P, Candidate<P>>();
  for (const candidate of destinations.flatMap((destination) => choose.candidates(destination))) {
    const known = best.get(candidate.policy);
    if (!known || nearness.indexOf(candidate.verdict) < nearness.indexOf(known.verdict)) best.set(candidate.policy, candidate);
  }
  const settled = [...best.values()].map((candidate): Candidate<P> => {
    const { policy, verdict } = candidate;
    if (verdict !== "chosen" || policy === winner || !winner) return candidate;
    return { ...candidate, verdict: running.includes(policy) ? byAge(winner, policy) : "anyServiceFirst" };
  });
  return settled.sort((a, b) => Number(b.policy === winner) - Number(a.policy === winner));
}
