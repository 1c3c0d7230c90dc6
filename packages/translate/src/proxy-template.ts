import { fromBinary } from "@bufbuild/protobuf";
import type { JsonValue, MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { typeUrlOf } from "@atoll/envoy-api";
import type { ProxyKind, ProxyModificationView, ProxyTemplateView, Tags } from "@atoll/view";
import { modifyHttpFilters, modifyNetworkFilters, modifyVirtualHosts, modifyInlineVirtualHosts } from "./filter-modification.ts";
import { nativeAny, nativeMessage } from "./native-json.ts";
import { originOf } from "./origin.ts";
import { patchMessage } from "./patch-message.ts";
import type { EnvoyResources } from "./envoy-resources.ts";

/**
 * What MeshProxyPatches and a ProxyTemplate make of the resources of a proxy. The messages that come in stay as they are; changed ones are
 * copies. Throws an error that names the modification or resource whose JSON is not of the Envoy API.
 */
export function applyProxyTemplate(resources: EnvoyResources, template: ProxyTemplateView, kind: ProxyKind): EnvoyResources {
  const base = template.base ? resources : { clusters: [], endpoints: [], listeners: [], routes: [], runtimes: resources.runtimes };
  const added = new Map<string, string>();
  const origin: OriginOf = (name) => added.get(name) ?? originOf(kind, name);
  const changed = (started: EnvoyResources, list: string, modifications: readonly ProxyModificationView[], ofAdded: string) =>
    modifications.reduce((current, modification) => {
      try {
        const next = modify(current, modification, origin);
        if (modification.operation === "add") added.set(String((modification.value as { name?: unknown } | undefined)?.name), ofAdded);
        return next;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const place = `${list}[${modification.index}].${modification.target}`;
        throw new Error(`${place}: native Envoy resource is not valid: ${reason}`, { cause: error });
      }
    }, started);
  const patched = changed(base, "appendModifications", template.patches ?? [], "mesh-proxy-patch");
  const started = template.resources.reduce(addWhole, patched);
  for (const { name } of template.resources) added.set(name, "proxy-template-raw");
  return changed(started, "modifications", template.modifications, "proxy-template-modifications");
}

type OriginOf = (name: string) => string;

const placeOfType = new Map<string, "clusters" | "endpoints" | "listeners" | "routes">([
  [typeUrlOf(ClusterSchema), "clusters"],
  [typeUrlOf(ClusterLoadAssignmentSchema), "endpoints"],
  [typeUrlOf(ListenerSchema), "listeners"],
  [typeUrlOf(RouteConfigurationSchema), "routes"],
]);

function addWhole(resources: EnvoyResources, { name, resource }: ProxyTemplateView["resources"][number]): EnvoyResources {
  const any = nativeAny(resource as JsonValue);
  switch (placeOfType.get(any.typeUrl)) {
    case "clusters":
      return { ...resources, clusters: replaceNamed(resources.clusters, fromBinary(ClusterSchema, any.value), nameOf) };
    case "endpoints": {
      const endpoints = fromBinary(ClusterLoadAssignmentSchema, any.value);
      return { ...resources, endpoints: replaceNamed(resources.endpoints, endpoints, (message) => message.clusterName) };
    }
    case "listeners":
      return { ...resources, listeners: replaceNamed(resources.listeners, fromBinary(ListenerSchema, any.value), nameOf) };
    case "routes":
      return { ...resources, routes: replaceNamed(resources.routes, fromBinary(RouteConfigurationSchema, any.value), nameOf) };
    case undefined:
      throw new Error(`resource "${name}": a proxy gets no resources of type ${any.typeUrl}`);
  }
}

const nameOf = (message: { name: string }) => message.name;

function replaceNamed<M>(list: M[], message: M, name: (message: M) => string): M[] {
  return [...list.filter((other) => name(other) !== name(message)), message];
}

function modify(resources: EnvoyResources, modification: ProxyModificationView, origin: OriginOf): EnvoyResources {
  const { match = {} } = modification;
  const ofOrigin = (name: string) => match.origin === undefined || match.origin === origin(name);
  const named = (name: string) => ofOrigin(name) && (match.name === undefined || match.name === name);
  const inListener = (listener: Listener) =>
    ofOrigin(listener.name) &&
    (match.listenerName === undefined || match.listenerName === listener.name) &&
    carriesTags(listener, match.listenerTags);
  switch (modification.target) {
    case "cluster":
      return { ...resources, clusters: modifyList(ClusterSchema, resources.clusters, modification, (cluster) => named(cluster.name)) };
    case "listener": {
      const matches = (listener: Listener) => named(listener.name) && carriesTags(listener, match.tags);
      return { ...resources, listeners: modifyList(ListenerSchema, resources.listeners, modification, matches) };
    }
    case "networkFilter":
      return { ...resources, listeners: changeWhere(resources.listeners, inListener, (one) => modifyNetworkFilters(one, modification)) };
    case "httpFilter":
      return { ...resources, listeners: changeWhere(resources.listeners, inListener, (one) => modifyHttpFilters(one, modification)) };
    case "virtualHost": {
      const inRoutes = (name: string) =>
        ofOrigin(name) && (match.routeConfigurationName === undefined || match.routeConfigurationName === name);
      return {
        ...resources,
        routes: changeWhere(
          resources.routes,
          (one) => inRoutes(one.name),
          (one) => modifyVirtualHosts(one, modification),
        ),
        listeners: resources.listeners.map((listener) => modifyInlineVirtualHosts(listener, modification, inRoutes)),
      };
    }
  }
}

function modifyList<Desc extends typeof ClusterSchema | typeof ListenerSchema>(
  schema: Desc,
  list: MessageShape<Desc>[],
  modification: ProxyModificationView,
  matches: (message: MessageShape<Desc>) => boolean,
): MessageShape<Desc>[] {
  switch (modification.operation) {
    case "add":
      return replaceNamed(list, nativeMessage(schema, modification.value as JsonValue), nameOf);
    case "remove":
      return list.filter((message) => !matches(message));
    case "patch":
      return changeWhere(list, matches, (message) => patchMessage(schema, message, modification));
    default:
      throw new Error(`operation "${modification.operation}" is not one of add, patch, remove`);
  }
}

function changeWhere<M>(list: M[], matches: (message: M) => boolean, change: (message: M) => M): M[] {
  return list.map((message) => (matches(message) ? change(message) : message));
}

function carriesTags(listener: Listener, tags: Tags | undefined): boolean {
  const own = listener.metadata?.filterMetadata["io.kuma.tags"] ?? {};
  return Object.entries(tags ?? {}).every(([key, value]) => own[key] === value);
}
