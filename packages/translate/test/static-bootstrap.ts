import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { runtimeLayers } from "../src/bootstrap.ts";

/** The resources of one proxy in Envoy's JSON, with the secrets that they name. */
export interface JsonResources {
  clusters: JsonObject[];
  endpoints: JsonObject[];
  listeners: JsonObject[];
  routes: JsonObject[];
  secrets: JsonObject[];
}

/**
 * Envoy validates only what stands in its bootstrap. So what would come by name over xDS is put in its place: routes into the
 * connection managers, endpoints into the clusters, secrets beside them. Throws if something is named that is not there.
 */
export function staticResources(resources: JsonResources): { clusters: JsonObject[]; listeners: JsonObject[]; secrets: JsonObject[] } {
  const routes = byName(resources.routes, "name");
  const endpoints = byName(resources.endpoints, "clusterName");
  const secrets = byName(resources.secrets, "name");
  const used = new Set<string>();
  const inPlace = (value: JsonObject) =>
    rewrite(value, (key, object) => {
      if (key === "rds") {
        const name = text(object, "routeConfigName");
        used.add(name);
        return ["routeConfig", required(routes, name, "route configuration")];
      }
      if (key === "sdsConfig") return ["sdsConfig", undefined];
      if (key.endsWith("SdsSecretConfig")) required(secrets, text(object, "name"), "secret");
      return undefined;
    });
  const listeners = resources.listeners.map(inPlace);
  for (const [name, route] of routes) if (!used.has(name)) listeners.push(listenerFor(name, route));
  const clusters = resources.clusters.map(inPlace).map((cluster) => {
    if (cluster["type"] !== "EDS") return cluster;
    const name = text(cluster, "name");
    const { edsClusterConfig: _, ...rest } = cluster;
    return { ...rest, type: "STATIC", loadAssignment: endpoints.get(name) ?? { clusterName: name } };
  });
  return { clusters, listeners, secrets: resources.secrets };
}

/** Joins parts into as few bootstraps as possible: two parts with a name or an address in common cannot be in one Envoy. */
export function bootstraps(parts: ReturnType<typeof staticResources>[]): JsonObject[] {
  const groups: { taken: Set<string>; parts: typeof parts }[] = [];
  for (const part of parts) {
    const keys = [
      ...part.clusters.map((one) => `cluster ${text(one, "name")}`),
      ...part.listeners.flatMap((one) => [`listener ${text(one, "name")}`, `address ${JSON.stringify(one["address"])}`]),
      ...part.secrets.map((one) => `secret ${text(one, "name")}`),
    ];
    let group = groups.find(({ taken }) => !keys.some((key) => taken.has(key)));
    if (!group) groups.push((group = { taken: new Set(), parts: [] }));
    for (const key of keys) group.taken.add(key);
    group.parts.push(part);
  }
  return groups.map(({ parts: joined }) => ({
    node: { id: "test", cluster: "test" },
    layeredRuntime: { layers: [runtimeLayers("sidecar")[0]!] },
    staticResources: {
      clusters: joined.flatMap((part) => part.clusters),
      listeners: joined.flatMap((part) => part.listeners),
      secrets: joined.flatMap((part) => part.secrets),
    },
  }));
}

function byName(list: JsonObject[], key: string): Map<string, JsonObject> {
  return new Map(list.map((one) => [text(one, key), one]));
}

function text(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== "string") throw new Error(`"${key}" is no text in ${JSON.stringify(object)}`);
  return value;
}

function required(map: Map<string, JsonObject>, name: string, what: string): JsonObject {
  const found = map.get(name);
  if (!found) throw new Error(`${what} "${name}" is named but not there`);
  return found;
}

/** Replaces [key, object] pairs anywhere in a JSON value. */
function rewrite(value: JsonObject, replace: (key: string, object: JsonObject) => [string, JsonValue | undefined] | undefined): JsonObject {
  const visit = (one: JsonValue): JsonValue => {
    if (Array.isArray(one)) return one.map(visit);
    if (typeof one !== "object" || one === null) return one;
    const entries = Object.entries(one).flatMap(([key, inner]): [string, JsonValue][] => {
      if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) {
        const replaced = replace(key, inner);
        if (replaced) return replaced[1] === undefined ? [] : [[replaced[0], replaced[1]]];
      }
      return [[key, visit(inner)]];
    });
    return Object.fromEntries(entries);
  };
  return visit(value) as JsonObject;
}

/** Routes that no listener asks for are looked at in one of their own. */
function listenerFor(name: string, routeConfig: JsonObject): JsonObject {
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    statPrefix: "test",
    routeConfig,
    httpFilters: [
      { name: "envoy.filters.http.router", typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
    ],
  };
  return {
    name: `for routes ${name}`,
    address: { pipe: { path: `/tmp/${name}` } },
    filterChains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typedConfig: manager }] }],
  };
}
