import { anyValue, chooseInboundPolicy } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import type { MeshContext, Policy } from "../mesh-context.ts";
import { serviceTag, sortedTags, spiffeId, statName } from "../names.ts";
import type { PrincipalView, RbacView } from "../proxy-view.ts";

const permissionFor = (context: MeshContext, tags: Tags) =>
  chooseInboundPolicy(context.resources<Policy["spec"]>("TrafficPermission"), tags, context.rules);

/**
 * Who may connect to something with these tags, by the TrafficPermission chosen for them. None: nobody, which HTTP says with 403
 * unless a permission is there for another of the `siblings`, the tags of all inbounds of the proxy.
 */
export function rbacView(context: MeshContext, destinationTags: Tags, statPrefix: string, siblings: readonly Tags[] = []): RbacView {
  const prefix = `${statName(statPrefix)}.`;
  const permission = permissionFor(context, destinationTags);
  if (!permission) {
    const refuseRequests = siblings.every((tags) => !permissionFor(context, tags));
    return { statPrefix: prefix, ...(refuseRequests ? { refuseRequests } : {}), policies: [] };
  }
  const principals = (permission.spec.sources ?? []).map(({ match }) => principal(context.name, match ?? {}));
  return { statPrefix: prefix, policies: [{ name: permission.name, principals }] };
}

function principal(mesh: string, source: Tags): PrincipalView {
  const exact = sortedTags(source).filter(([, value]) => value !== anyValue);
  return { sans: exact.map(([key, value]) => (key === serviceTag ? spiffeId(mesh, value) : `kuma://${key}/${value}`)) };
}
