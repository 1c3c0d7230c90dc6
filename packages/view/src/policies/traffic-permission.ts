import type { Callers, Permission } from "@atoll/policy";
import { serviceTag, sortedTags, spiffeId, statName } from "../names.ts";
import type { PrincipalView, RbacView } from "../proxy-view.ts";

/** Who may connect. No permission: nobody, which HTTP says with 403 where `refuseRequests`. */
export function rbacView(mesh: string, permission: Permission | undefined, statPrefix: string, refuseRequests: boolean): RbacView {
  const prefix = `${statName(statPrefix)}.`;
  if (!permission) return { statPrefix: prefix, ...(refuseRequests ? { refuseRequests } : {}), policies: [] };
  const principals = permission.callers.map((callers) => principal(mesh, callers));
  return { statPrefix: prefix, policies: [{ name: permission.name, principals }] };
}

function principal(mesh: string, { tags }: Callers): PrincipalView {
  return { sans: sortedTags(tags).map(([key, value]) => (key === serviceTag ? spiffeId(mesh, value) : `kuma://${key}/${value}`)) };
}
