import { kumaTagsHeader } from "@atoll/policy";
import type { InboundLimits } from "@atoll/policy";
import type { Resource } from "@atoll/resource";
import type { RouteView } from "../proxy-view.ts";

/** The plain route, after one like it for each limit, which only its callers take; each with the policy that made it. */
export function limitedRoutes(limits: InboundLimits | undefined, plain: RouteView): { route: RouteView; policy?: Resource }[] {
  const limited = (limits?.byCaller ?? []).map(({ policy, callersRegex, limit }): { route: RouteView; policy: Resource } => {
    const headers = [{ name: kumaTagsHeader, regex: callersRegex }];
    return { route: { ...plain, name: `RateLimit ${policy.name}`, match: { ...plain.match, headers }, rateLimit: limit }, policy };
  });
  return [...limited, { route: limits?.everybody ? { ...plain, rateLimit: limits.everybody } : plain }];
}
