import { anyValue, chooseInboundPolicy } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import type { MeshContext, Policy } from "../mesh-context.ts";
import { serviceTag, sortedTags, spiffeId, statName } from "../names.ts";
import type { PrincipalView, RbacView } from "../proxy-view.ts";

/** Who may connect to something with these tags, by the TrafficPermission chosen for them. None: nobody. */
export function rbacView(context: MeshContext, destinationTags: Tags, statPrefix: string): RbacView {
  const permission = chooseInboundPolicy(context.resources<Policy["spec"]>("TrafficPermission"), destinationTags, context.rules);
  const principals = (permission?.spec.sources ?? []).map(({ match }) => principal(context.name, match ?? {}));
  return { statPrefix: `${statName(statPrefix)}.`, policies: permission ? [{ name: permission.name, principals }] : [] };
}

function principal(mesh: string, source: Tags): PrincipalView {
  const exact = sortedTags(source).filter(([, value]) => value !== anyValue);
  return { sans: exact.map(([key, value]) => (key === serviceTag ? spiffeId(mesh, value) : `kuma://${key}/${value}`)) };
}
