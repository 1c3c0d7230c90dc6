import type { RouteAction_HashPolicySchema } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { HashPolicySchema } from "@atoll/envoy-api/envoy/type/v3/hash_policy_pb.js";
import type { RouteView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import type { Init } from "./init.ts";

type RouteHashInit = Init<typeof RouteAction_HashPolicySchema>;
type HashPolicyView = NonNullable<Extract<RouteView["action"], { type: "forward" }>["hashPolicies"]>[number];

/** What of a request goes into the hash by which an instance is chosen. */
export const routeHashPolicy = (view: HashPolicyView): RouteHashInit => ({
  terminal: view.terminal ?? false,
  policySpecifier: specifier(view),
});

function specifier(view: HashPolicyView): RouteHashInit["policySpecifier"] {
  if ("header" in view) return { case: "header", value: { headerName: view.header } };
  if ("queryParameter" in view) return { case: "queryParameter", value: { name: view.queryParameter } };
  if ("filterState" in view) return { case: "filterState", value: { key: view.filterState } };
  if ("sourceIp" in view) return { case: "connectionProperties", value: { sourceIp: view.sourceIp } };
  const { name, path = "", ttlMs } = view.cookie;
  return { case: "cookie", value: { name, path, ttl: durationOf(ttlMs) } };
}

/** The same of a connection, of which Envoy knows less, and takes one. */
export function connectionHashPolicy(view: HashPolicyView): Init<typeof HashPolicySchema>[] {
  if ("filterState" in view) return [{ policySpecifier: { case: "filterState", value: { key: view.filterState } } }];
  return "sourceIp" in view && view.sourceIp ? [{ policySpecifier: { case: "sourceIp", value: {} } }] : [];
}
