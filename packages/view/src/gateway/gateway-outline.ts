import type { Tags } from "@atoll/policy";
import type { MeshGatewayRouteSpec, Resource } from "@atoll/resource";
import type { Dataplane } from "../dataplane.ts";
import type { MeshGateway } from "../mesh-context.ts";
import { listenerTags } from "./listener-tags.ts";
import { hostGroups } from "./host.ts";
import type { GatewayHost, TaggedListener } from "./host.ts";
import { nowhere } from "../routes/called.ts";
import type { Called } from "../routes/called.ts";
import { routeEntries, tcpBackends } from "./route-entry.ts";

/** What a port of a builtin gateway serves, before clusters and endpoints: for people who ask which route and policy acts. */
export interface GatewayPortOutline {
  port: number;
  protocol: string;
  hosts: {
    hostname: string;
    /** What sources of policies are compared with. */
    tags: Tags;
    /** One for each route that Envoy gets, hence several of one MeshGatewayRoute. `destinations` begins with the mirror's. */
    entries: { route: string; destinations: Tags[] }[];
  }[];
}

/** Ports ascending. */
export function gatewayOutline(
  dataplane: Dataplane,
  gateway: MeshGateway,
  routes: readonly Resource<MeshGatewayRouteSpec>[],
): GatewayPortOutline[] {
  const ports = Map.groupBy(
    gateway.spec.conf.listeners.map((listener): TaggedListener => ({
      ...listener,
      effectiveTags: listenerTags(dataplane, gateway, listener),
    })),
    ({ port }) => port,
  );
  return [...ports]
    .toSorted(([a], [b]) => a - b)
    .map(([port, listeners]) => ({
      port,
      protocol: listeners[0]!.protocol,
      hosts: hostGroups(listeners, routes).flatMap((group) =>
        group.hosts.map((host) => ({ hostname: host.hostname, tags: host.tags, entries: entriesOf(host) })),
      ),
    }));
}

const unasked = (): Called => nowhere;

function entriesOf(host: GatewayHost): { route: string; destinations: Tags[] }[] {
  // Exact paths last: a route that is given as a prefix then names itself before the exact path that belongs to it.
  const byPath = routeEntries(host, unasked).toSorted((a, b) => Number("exact" in a.match.path) - Number("exact" in b.match.path));
  const http = byPath.map(({ route, mirrors, backends }) => ({
    route,
    destinations: [...mirrors.map(({ destination }) => destination), ...backends.map(({ destination }) => destination)],
  }));
  const tcp = host.routes.flatMap((route) => {
    const backends = tcpBackends({ ...host, routes: [route] }, unasked);
    return backends.length > 0 ? [{ route: route.name, destinations: backends.map(({ destination }) => destination) }] : [];
  });
  return [...http, ...tcp];
}
