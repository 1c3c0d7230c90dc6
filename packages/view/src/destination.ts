import type { Tags } from "@atoll/policy";
import type { Endpoint } from "./endpoint.ts";
import { endpointSet, endpointsWith } from "./endpoint.ts";
import type { MeshContext } from "./mesh-context.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import { meshTag, serviceTag, withoutTags } from "./names.ts";
import type { EndpointSetView } from "./proxy-view.ts";

/** Where traffic to a tag set goes: a service of the proxy's own mesh, or a cross-mesh gateway of another. */
export interface Destination {
  service: string;
  /** What endpoints must carry and SNI says: never kuma.io/mesh. */
  tags: Tags;
  upstream: MeshContext;
  crossMesh: boolean;
  endpoints: readonly Endpoint[];
}

/** undefined if the tags name a mesh that does not exist. */
export function resolveDestination(contexts: MeshContexts, context: MeshContext, tags: Tags): Destination | undefined {
  const service = tags[serviceTag] ?? "";
  const mesh = tags[meshTag];
  const plain = withoutTags(tags, meshTag);
  if (mesh === undefined) {
    return { service, tags: plain, upstream: context, crossMesh: false, endpoints: context.endpoints.get(service) ?? [] };
  }
  const upstream = contexts.mesh(mesh);
  if (!upstream) return undefined;
  const reachable = context.mtls !== "off" && upstream.mtls !== "off";
  const endpoints = reachable ? (upstream.crossMeshEndpoints(context.zoneEgress).get(service) ?? []) : [];
  return { service, tags: plain, upstream, crossMesh: true, endpoints };
}

/** The endpoints of a cluster for the destination, shared by all proxies that have the cluster. */
export function destinationEndpoints(context: MeshContext, cluster: string, destination: Destination): EndpointSetView {
  const { upstream, crossMesh, endpoints, tags } = destination;
  // Kept with the mesh that has the instances, so the key says what depends on the mesh that asks.
  const asked = crossMesh ? `${context.zoneEgress}/${context.locality.aware}` : "";
  const key = `endpoints/${asked}/${cluster}`;
  return upstream.memo.share(key, () => endpointSet(cluster, endpointsWith(endpoints, tags), context.locality));
}
