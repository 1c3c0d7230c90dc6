import { toDestination } from "./outbound-policy.ts";
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
  policies: readonly P[],
  listenerTags: Tags,
  rules: PolicyRules = defaultRules,
): (destination: Tags) => P | undefined {
  const fromHere: Ranked<P>[] = [];
  for (const policy of policies) {
    const rank = firstMatch(policy.spec.sources, listenerTags);
    if (rank) fromHere.push({ policy, rank });
  }
  const own = { ...rules, equalRank: rules.gatewayEqualRank };
  return (destination) => winner(toDestination(fromHere, destination), own);
}

/**
 * The one policy of a route or listener that reaches several destinations, given what was chosen for each: policies with the
 * destination `*` before all others, and of what is left the oldest.
 */
export function chooseForDestinations<P extends ConnectionPolicy>(
  destinations: readonly Tags[],
  choose: (destination: Tags) => P | undefined,
): P | undefined {
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
  const candidates = general.length > 0 ? general : particular;
  return candidates.sort(compareAge)[0];
}
