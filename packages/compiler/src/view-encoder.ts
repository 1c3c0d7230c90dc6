import { typeUrls } from "@atoll/envoy-api";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { RuntimeSchema } from "@atoll/envoy-api/envoy/service/runtime/v3/rtds_pb.js";
import { translate, translatePart } from "@atoll/translate";
import type { ProxyView } from "@atoll/view";
import { encodeResource, type EncodedResource } from "@atoll/xds";

/** typeUrl -> name -> resource. */
export type EncodedResources = Map<string, Map<string, EncodedResource>>;

/**
 * Turns views into encoded Envoy resources. Each part of a view is translated and encoded once, however many views share it. Only the
 * bytes are kept: the messages take many times as much memory, and a thousand proxies have tens of thousands.
 */
export class ViewEncoder {
  readonly #known = new WeakMap<object, EncodedResource>();

  encode(view: ProxyView): EncodedResources {
    const encoded: EncodedResources = new Map();
    if (view.template !== undefined) return this.#encodeWhole(view, encoded);
    const once = <Part extends object>(part: Part, make: (part: Part) => EncodedResource) => addResource(encoded, this.#once(part, make));
    for (const part of view.clusters) once(part, clusterOf);
    for (const part of view.endpoints) once(part, endpointsOf);
    for (const part of view.listeners) once(part, listenerOf);
    for (const part of view.routes) once(part, routesOf);
    for (const part of view.runtimes) once(part, runtimeOf);
    return encoded;
  }

  /** Endpoint sets alone, by cluster: what changes when an instance comes or goes. */
  encodeEndpoints(sets: readonly EndpointSetView[]): Map<string, EncodedResource> {
    return new Map(sets.map((part) => [part.cluster, this.#once(part, endpointsOf)]));
  }

  #once<Part extends object>(part: Part, make: (part: Part) => EncodedResource): EncodedResource {
    let known = this.#known.get(part);
    if (known === undefined) {
      known = make(part);
      this.#known.set(part, known);
    }
    return known;
  }

  /** A template may change any resource, so nothing of it is shared. */
  #encodeWhole(view: ProxyView, encoded: EncodedResources): EncodedResources {
    const { clusters, endpoints, listeners, routes, runtimes } = translate(view);
    for (const one of clusters) addResource(encoded, encodeResource(ClusterSchema, one.name, one));
    for (const one of endpoints) addResource(encoded, encodeResource(ClusterLoadAssignmentSchema, one.clusterName, one));
    for (const one of listeners) addResource(encoded, encodeResource(ListenerSchema, one.name, one));
    for (const one of routes) addResource(encoded, encodeResource(RouteConfigurationSchema, one.name, one));
    for (const one of runtimes) addResource(encoded, encodeResource(RuntimeSchema, one.name, one));
    return encoded;
  }
}

export const endpointType = typeUrls.endpoint;

export function addResource(resources: EncodedResources, resource: EncodedResource): void {
  const ofType = resources.get(resource.typeUrl);
  if (ofType === undefined) resources.set(resource.typeUrl, new Map([[resource.name, resource]]));
  else ofType.set(resource.name, resource);
}

const clusterOf = (part: ProxyView["clusters"][number]) => encodeResource(ClusterSchema, part.name, translatePart.cluster(part));
type EndpointSetView = ProxyView["endpoints"][number];
const endpointsOf = (part: EndpointSetView) => encodeResource(ClusterLoadAssignmentSchema, part.cluster, translatePart.endpoints(part));
const listenerOf = (part: ProxyView["listeners"][number]) => encodeResource(ListenerSchema, part.name, translatePart.listener(part));
const routesOf = (part: ProxyView["routes"][number]) => encodeResource(RouteConfigurationSchema, part.name, translatePart.routes(part));
const runtimeOf = (part: ProxyView["runtimes"][number]) => encodeResource(RuntimeSchema, part.name, translatePart.runtime(part));
