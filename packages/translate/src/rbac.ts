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
  const typedConfig = encodeAny(NetworkRbacSchema, { statPrefix: view.statPrefix, rules: rules(view) });
  return { name: "envoy.filters.network.rbac", configType: { case: "typedConfig", value: typedConfig } };
}

/**
 * Refuses every request, with 403 and a reason. An HTTP service that no permission names answers so, which tells the caller
 * more than a closed connection; a service whose permissions do not name the caller does not even talk to it.
 */
export function refuseRequests(): Init<typeof HttpFilterSchema> {
  const typedConfig = encodeAny(HttpRbacSchema, { rules: { action: RBAC_Action.ALLOW } });
  return { name: "envoy.filters.http.rbac", configType: { case: "typedConfig", value: typedConfig } };
}

function rules(view: RbacView): RulesInit {
  const policies = Object.fromEntries(
    view.policies
      // A policy without principals allows nobody; Envoy refuses to have it spelled out.
      .filter((policy) => policy.principals.length > 0)
      .map(({ name, principals }): [string, Init<typeof PolicySchema>] => [
        name,
        { permissions: [{ rule: { case: "any", value: true } }], principals: principals.map(principal) },
      ]),
  );
  return { action: RBAC_Action.ALLOW, policies };
}

function principal({ sans }: PrincipalView): PrincipalInit {
  if (sans.length === 0) return { identifier: { case: "any", value: true } };
  if (sans.length === 1) return authenticated(sans[0]!);
  return { identifier: { case: "andIds", value: { ids: sans.map(authenticated) } } };
}

function authenticated(san: string): PrincipalInit {
  return { identifier: { case: "authenticated", value: { principalName: { matchPattern: { case: "exact", value: san } } } } };
}
