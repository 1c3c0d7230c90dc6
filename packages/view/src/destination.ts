import type { Fact } from "@atoll/facts";
import type { Tags } from "@atoll/policy";
import type { Endpoint } from "./endpoint.ts";
import { endpointSet, endpointsWith } from "./endpoint.ts";
import type { MeshContext } from "./mesh-context.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import { meshTag, serviceTag, withoutTags } from "./names.ts";
import type { Locality } from "./policies/load-balancing.ts";
import type { EndpointSetView } from "./proxy-view.ts";

/** Where traffic to a tag set goes: a service of the proxy's own mesh, or a cross-mesh gateway of another. */
export interface Destination {
  service: string;
  /** What endpoints must carry and SNI says: never kuma.io/mesh. */
  tags: Tags;
  upstream: MeshContext;
  crossMesh: boolean;
  /** As they are now. Whoever reads them is made anew when an instance comes or goes. */
  endpoints: () => readonly Endpoint[];
}

/** undefined if the tags name a mesh that does not exist. */
export function resolveDestination(contexts: MeshContexts, context: MeshContext, tags: Tags): Destination | undefined {
  const service = tags[serviceTag] ?? "";
  const mesh = tags[meshTag];
  const plain = withoutTags(tags, meshTag);
  if (mesh === undefined) {
    return { service, tags: plain, upstream: context, crossMesh: false, endpoints: () => context.endpoints.get(service) };
  }
  const upstream = contexts.mesh(mesh);
  if (!upstream) return undefined;
  const endpoints = (): readonly Endpoint[] => {
    const reachable = context.mtls !== "off" && upstream.mtls !== "off";
    return reachable ? upstream.crossMeshEndpoints(service, context.zoneEgress) : [];
  };
  return { service, tags: plain, upstream, crossMesh: true, endpoints };
}

/** The endpoints of a cluster for the destination, a fact of its own that all proxies share which have the cluster and see it from the same place. */
export function destinationEndpoints(
  context: MeshContext,
  cluster: string,
  { endpoints, tags }: Destination,
  locality: Locality,
): Fact<EndpointSetView> {
  // The cluster's name says where it leads.
  const key = JSON.stringify([cluster, locality]);
  return context.memo.fact(`endpoints/${key}`, () => endpointSet(cluster, endpointsWith(endpoints(), tags), locality));
}
