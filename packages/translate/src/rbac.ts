import { encodeAny } from "@atoll/envoy-api";
import type { FilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { RBAC_Action } from "@atoll/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import type { PolicySchema, PrincipalSchema, RBACSchema } from "@atoll/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import { RBACSchema as HttpRbacSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { HttpFilterSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import type { PrincipalView, RbacView } from "@atoll/view";
import type { Init } from "./init.ts";

type PrincipalInit = Init<typeof PrincipalSchema>;
type RulesInit = Init<typeof RBACSchema>;

/** Whoever matches no policy is refused: the connection is closed at its first byte. */
export function networkRbac(view: RbacView): Init<typeof FilterSchema> {
  const typedConfig = encodeAny(NetworkRbacSchema, { statPrefix: view.statPrefix, rules: rules(view), shadowRules: shadowRules(view) });
  return { name: "envoy.filters.network.rbac", configType: { case: "typedConfig", value: typedConfig } };
}

/** Refuses requests with 403 and a reason, which tells the caller more than a closed connection. */
export function httpRbac(view: RbacView): Init<typeof HttpFilterSchema> {
  const typedConfig = encodeAny(HttpRbacSchema, { rules: rules(view), shadowRules: shadowRules(view) });
  return { name: "envoy.filters.http.rbac", configType: { case: "typedConfig", value: typedConfig } };
}

const rules = (view: RbacView): RulesInit => ({ action: RBAC_Action.ALLOW, policies: policies(view.policies) });

const shadowRules = ({ shadowDenied }: RbacView): RulesInit | undefined =>
  shadowDenied && { action: RBAC_Action.DENY, policies: policies([shadowDenied]) };

function policies(all: RbacView["policies"]): RulesInit["policies"] {
  return Object.fromEntries(
    all
      // A policy without principals allows nobody; Envoy refuses to have it spelled out.
      .filter((policy) => policy.principals.length > 0)
      .map(({ name, principals }): [string, Init<typeof PolicySchema>] => [
        name,
        { permissions: [{ rule: { case: "any", value: true } }], principals: principals.map(principal) },
      ]),
  );
}

function principal({ sans, notSans = [] }: PrincipalView): PrincipalInit {
  const ids: PrincipalInit[] = [
    ...sans.map(authenticated),
    ...notSans.map((san): PrincipalInit => ({ identifier: { case: "notId", value: authenticated(san) } })),
  ];
  if (ids.length === 0) return { identifier: { case: "any", value: true } };
  return ids.length === 1 ? ids[0]! : { identifier: { case: "andIds", value: { ids } } };
}

function authenticated(san: string): PrincipalInit {
  return { identifier: { case: "authenticated", value: { principalName: { matchPattern: { case: "exact", value: san } } } } };
}
