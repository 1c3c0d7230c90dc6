import { loadBalancing, outboundLimit, outboundLogs, retries } from "@atoll/policy";
import type { Answer, LoadBalancing, LogTarget, OutboundTimeouts, RequestLimit, Retries } from "@atoll/policy";
import { timeoutsOf } from "../policies/timeout.ts";
import type { Protocol } from "../protocol.ts";
import { destinationOf } from "../routes/called.ts";
import type { Called } from "../routes/called.ts";
import type { Plan } from "./outbound-plan.ts";
import type { OutboundScope } from "./outbound-scope.ts";

/** What policies say of an outbound, whatever its requests are sent to. */
export interface Said {
  timeouts: Answer<OutboundTimeouts>;
  retries: Answer<Retries>;
  limit: Answer<RequestLimit>;
  logs: Answer<LogTarget[]>;
  balancing: Answer<LoadBalancing>;
}

/** The same of a rule of a route, for which there may be policies of its own. */
export type SaidOfRule = Pick<Said, "timeouts" | "retries">;

export function saidOf({ caller }: OutboundScope, called: Called, protocol: Protocol): Said {
  const destination = destinationOf(called);
  return {
    timeouts: caller.towards(timeoutsOf(protocol), destination),
    retries: caller.towards(retries, destination),
    limit: caller.towards(outboundLimit, destination),
    logs: caller.towards(outboundLogs, destination),
    balancing: caller.towards(loadBalancing, destination),
  };
}

export function saidOfRules({ caller }: OutboundScope, called: Called, { routes, protocol }: Plan): ReadonlyMap<string, SaidOfRule> {
  const destination = destinationOf(called);
  const rules = routes.flatMap(({ rule }) => rule ?? []);
  return new Map(
    rules.map((rule) => [
      rule,
      { timeouts: caller.towards(timeoutsOf(protocol), destination, rule), retries: caller.towards(retries, destination, rule) },
    ]),
  );
}
