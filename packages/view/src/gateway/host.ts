import { firstMatch } from "@atoll/policy";
import type { Answer, HttpRoutes, Tags, TcpRoutes } from "@atoll/policy";
import type { MeshGatewayListener, MeshGatewayRouteSpec, Resource } from "@atoll/resource";
import { anyHost, compareExactness, hostOrAny } from "./hostname.ts";

export type GatewayRoute = Resource<MeshGatewayRouteSpec>;

/** One virtual host of a listener: a hostname, the tags that routes and policies meet there, and the routes attached. */
export interface GatewayHost {
  hostname: string;
  tags: Tags;
  routes: GatewayRoute[];
  /** Given where routes with a targetRef act on the gateway, in place of `routes`. */
  steered?: SteeredHost;
}

/** What routes with a targetRef say of a host. */
export interface SteeredHost {
  /** Those for the host's own name first. */
  http: readonly Answer<HttpRoutes>[];
  tcp: readonly Answer<TcpRoutes>[];
}

/** What one filter chain serves. HTTP and TCP listeners of a port are one group; HTTPS and TLS make one for each hostname. */
export interface HostGroup {
  hostname: string;
  tls: MeshGatewayListener["tls"];
  hosts: GatewayHost[];
}

export interface TaggedListener extends MeshGatewayListener {
  effectiveTags: Tags;
}

/** Hosts of the listeners that share a port, in the order Envoy must see them. */
export const hostGroups = (listeners: readonly TaggedListener[], routes: readonly GatewayRoute[]): HostGroup[] =>
  groupHosts(listeners, (listener) => {
    const forHttp = listeners[0]?.protocol === "HTTP" || listeners[0]?.protocol === "HTTPS";
    const attached = routes.filter((route) => attachment(route, listener.effectiveTags, forHttp) === "acts");
    return [{ hostname: hostOrAny(listener.hostname), tags: listener.effectiveTags, routes: attached }];
  }).map((group) => ({ ...group, hosts: sortHosts(splitAnyHost(group.hosts)) }));

/** In the order Envoy must see them: where a connection can tell them apart, one group for each hostname. */
export function groupHosts(
  listeners: readonly TaggedListener[],
  hostsOf: (listener: TaggedListener) => readonly GatewayHost[],
): HostGroup[] {
  const groups = new Map<string, HostGroup>();
  for (const listener of listeners) {
    const key = listener.protocol === "HTTPS" || listener.protocol === "TLS" ? hostOrAny(listener.hostname) : anyHost;
    const group = groups.get(key) ?? { hostname: key, tls: listener.tls, hosts: [] };
    groups.set(key, group);
    group.hosts.push(...hostsOf(listener));
  }
  return [...groups.values()].sort((a, b) => compareExactness(a.hostname, b.hostname));
}

export const sortHosts = (hosts: readonly GatewayHost[]): GatewayHost[] => hosts.toSorted((a, b) => (a.hostname > b.hostname ? -1 : 1));

/** Whether a route belongs to a listener with these tags, or why not. */
export function attachment({ spec }: GatewayRoute, tags: Tags, forHttp: boolean): "acts" | "wrongProtocol" | "selectorsDoNotMatch" {
  if (!(forHttp ? spec.conf.http : spec.conf.tcp)) return "wrongProtocol";
  return firstMatch(spec.selectors, tags) ? "acts" : "selectorsDoNotMatch";
}

/** Without their case, as Envoy compares them: two that differ in it alone are one host. */
export const hostnamesOf = ({ spec }: GatewayRoute): string[] => (spec.conf.http?.hostnames ?? []).map((name) => name.toLowerCase());

/**
 * Envoy chooses one virtual host and looks no further, so routes with hostnames leave the host `*` for hosts of their own. A
 * wildcard hostname also goes to the hosts that end like it, as long as a listener or a route before this one named them: so in Kuma.
 */
function splitAnyHost(hosts: readonly GatewayHost[]): GatewayHost[] {
  const any = hosts.find(({ hostname }) => hostname === anyHost);
  if (!any) return [...hosts];
  const byName = new Map(hosts.map((host) => [host.hostname, { ...host, routes: host === any ? [] : [...host.routes] }]));
  const attach = (host: GatewayHost, route: GatewayRoute): void => {
    if (!host.routes.includes(route)) host.routes.push(route);
  };
  for (const route of any.routes) {
    const names = hostnamesOf(route).map(hostOrAny);
    if (names.length === 0) attach(byName.get(anyHost)!, route);
    for (const hostname of names) {
      if (!byName.has(hostname)) byName.set(hostname, { hostname, tags: any.tags, routes: [] });
      attach(byName.get(hostname)!, route);
      if (!hostname.startsWith("*.")) continue;
      for (const host of byName.values()) if (host.hostname.endsWith(hostname.slice(2))) attach(host, route);
    }
  }
  return [...byName.values()];
}
