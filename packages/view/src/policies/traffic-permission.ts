import type { Callers, Permission } from "@atoll/policy";
import { serviceTag, sortedTags, spiffeId, statName } from "../names.ts";
import type { PrincipalView, RbacView } from "../proxy-view.ts";

/** Who may connect. No permission: nobody, which HTTP says with 403 where `sayNobody`. */
export function rbacView(mesh: string, permission: Permission | undefined, statPrefix: string, sayNobody: boolean): RbacView {
  const prefix = `${statName(statPrefix)}.`;
  if (!permission) return { statPrefix: prefix, ...(sayNobody ? { refuseRequests: true } : {}), policies: [] };
  const { name, callers, shadowDenied, refuses } = permission;
  const principals = (some: readonly Callers[]): PrincipalView[] => some.map((one) => principal(mesh, one));
  return {
    statPrefix: prefix,
    ...(refuses === "requests" ? { refuseRequests: true } : {}),
    policies: [{ name, principals: principals(callers) }],
    ...(shadowDenied ? { shadowDenied: { name, principals: principals(shadowDenied) } } : {}),
  };
}

function principal(mesh: string, { tags, not = [] }: Callers): PrincipalView {
  const san = (key: string, value: string): string => (key === serviceTag ? spiffeId(mesh, value) : `kuma://${key}/${value}`);
  const notSans = not.map(({ key, value }) => san(key, value));
  return { sans: sortedTags(tags).map(([key, value]) => san(key, value)), ...(notSans.length > 0 ? { notSans } : {}) };
}
