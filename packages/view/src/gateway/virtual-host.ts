import { kumaTagsHeader, ProxyPolicies, renderKumaTags } from "@atoll/policy";
import type { GatewayCaller, HashPolicy, Tags } from "@atoll/policy";
import { protocolTag, serviceTag, unresolvedBackend } from "../names.ts";
import { calledBackend, taggedBackend } from "../routes/called.ts";
import { pathView, someOps } from "../routes/route-action-view.ts";
import { optional } from "../optional.ts";
import { retryView } from "../policies/retry.ts";
import type { RouteRewriteView, RouteView, VirtualHostView, WeightedClusterView } from "../proxy-view.ts";
import { ViewBuilder } from "../view-builder.ts";
import { addGatewayCluster } from "./gateway-cluster.ts";
import { gatewayScope, hostCaller, routePolicies } from "./gateway-scope.ts";
import { entryRef, hostReasons, routeReasons } from "./gateway-reasons.ts";
import type { GatewayScope } from "./gateway-scope.ts";
import type { GatewayHost } from "./host.ts";
import { routeEntries } from "./route-entry.ts";
import type { Backend, ResolveBackend, RouteEntry } from "./route-entry.ts";
import { compareMatches } from "./route-order.ts";

/** Where no policy says how long nothing may happen on a stream; `Timeout` may say that it is as long as one likes. */
const defaultStreamIdleMs = 5_000;
const noRoutesBody = "This is a Kuma MeshGateway. No routes match this MeshGateway!\n";
const strictTransport = { name: "Strict-Transport-Security", value: "max-age=31536000; includeSubDomains" };
/** Redirect answers that Envoy can give. */
const redirectStatuses = [301, 302, 303, 307, 308] as const;
type RedirectStatus = (typeof redirectStatuses)[number];

/** One virtual host with its routes in order; adds the clusters they need. */
export function gatewayVirtualHost(scope: GatewayScope, host: GatewayHost, port: number, requireTls: boolean): VirtualHostView {
  const caller = hostCaller(scope, host, port);
  // A service that nobody offers is called in vain, as MeshGatewayRoutes do: 503.
  const resolve: ResolveBackend = (ref) => taggedBackend(ref) ?? calledBackend(scope.context, ref);
  const entries = routeEntries(host, resolve).sort((a, b) => compareMatches(a.match, b.match));
  const routes = entries.flatMap((entry) =>
    scope.builder.explains || namesTarget(entry)
      ? (routeView(scope, host, caller, entry, port) ?? [])
      : (addRouteFact(scope, host, entry, port) ?? []),
  );
  const view: VirtualHostView = {
    name: host.hostname,
    domains: [host.hostname],
    ...(requireTls ? { requireTls, responseHeadersToSet: [strictTransport] } : {}),
    routes:
      entries.length > 0
        ? routes
        : [{ match: { path: { prefix: "/" } }, action: { type: "directResponse", status: 404, body: noRoutesBody } }],
  };
  scope.builder.because(view, () => hostReasons(scope, host, port, "http"));
  return view;
}

/** What it calls is more than its text tells. */
const namesTarget = ({ backends, mirrors }: RouteEntry): boolean =>
  backends.some(({ target }) => target !== undefined) || mirrors.some(({ target }) => target !== undefined);

/**
 * A route as a fact of its own, with the clusters it needs: what happens to one of many, or to what it calls, leaves the others as they are.
 * Its key is the route as it was written and where it stands; what the gateway is, it reads anew.
 */
function addRouteFact(scope: GatewayScope, { hostname, tags }: GatewayHost, entry: RouteEntry, port: number): RouteView | undefined {
  const { contexts, context, builder, pipeFolder } = scope;
  const { name } = scope.dataplane;
  const made = context.memo.share(`gateway-route/${JSON.stringify([name, pipeFolder, port, hostname, tags, entry])}`, () => {
    const dataplane = context.dataplane(name);
    const gateway = dataplane && context.gatewayOf(dataplane);
    if (!gateway) return undefined;
    const into = new ViewBuilder();
    const own = gatewayScope({ contexts, context, policies: new ProxyPolicies(context, dataplane, gateway), gateway, pipeFolder }, into);
    const host = { hostname, tags, routes: [] };
    const view = routeView(own, host, hostCaller(own, host, port), entry, port);
    return { view, parts: into.parts() };
  });
  if (made) builder.add(made.parts);
  return made?.view;
}

function routeView(scope: GatewayScope, host: GatewayHost, caller: GatewayCaller, entry: RouteEntry, port: number): RouteView | undefined {
  const { name, match } = entry;
  if (entry.redirect) {
    const { scheme, hostname, statusCode, port: toPort } = entry.redirect;
    if (!redirectStatuses.includes(statusCode as RedirectStatus)) {
      scope.builder.problem(
        `MeshGatewayRoute/${scope.context.name}/${name.split(" ")[1]}`,
        `redirect status code ${statusCode} is not supported`,
      );
      return undefined;
    }
    const route: RouteView = {
      name,
      match,
      action: {
        type: "redirect",
        ...(scheme ? { scheme } : {}),
        ...(hostname ? { host: hostname } : {}),
        port: toPort || port,
        statusCode: statusCode as RedirectStatus,
        stripQuery: true,
        ...optional("path", pathView(entry.path)),
      },
    };
    scope.builder.because(route, () => ({ from: entryRef(scope, entry), policies: [] }));
    return route;
  }
  const { clusters, hashPolicies } = forwardClusters(scope, host, caller, entry.backends);
  if (clusters.length === 0) return undefined;
  const destinations = entry.backends.map(({ destination }) => destination);
  const said = routePolicies(scope, caller, destinations, withProtocols(scope, destinations), entry.hash);
  const { requestMs: timeoutMs, streamIdleMs } = said.timeouts.conf?.route ?? {};
  const rewrite: RouteRewriteView = {
    ...optional("path", pathView(entry.path)),
    ...(entry.autoHost ? { autoHost: true } : optional("hostLiteral", entry.hostLiteral)),
  };
  const route: RouteView = {
    name,
    match,
    action: {
      type: "forward",
      clusters,
      ...mirrors(scope, host, caller, entry.mirrors),
      ...optional("hashPolicies", hashPolicies),
      ...rewrite,
    },
    ...optional("requestHeaders", someOps(entry.requestHeaders)),
    ...optional("responseHeaders", someOps(entry.responseHeaders)),
    ...optional("timeoutMs", timeoutMs),
    idleTimeoutMs: streamIdleMs ?? defaultStreamIdleMs,
    ...optional("retry", retryView(said.retries.conf, "http")),
    ...optional("rateLimit", said.limit.conf),
    ...optional("fault", said.fault?.conf),
    clusterNotFound500: true,
  };
  scope.builder.because(route, () => routeReasons(scope, entry, route, said));
  return route;
}

/** A FaultInjection names the protocol of its destinations, which a route's backends do not. */
const withProtocols = (scope: GatewayScope, destinations: readonly Tags[]): Tags[] =>
  destinations.map((tags) => {
    const { protocol } = scope.context.service(tags[serviceTag] ?? "");
    return { [protocolTag]: protocol === "unknown" ? "http" : protocol, ...tags };
  });

/** Sorted by name; of two backends that are one cluster the last counts. A route has the hash policies of all its backends. */
function forwardClusters(
  scope: GatewayScope,
  host: GatewayHost,
  caller: GatewayCaller,
  backends: readonly Backend[],
): { clusters: WeightedClusterView[]; hashPolicies: HashPolicy[] | undefined } {
  const tags = { name: kumaTagsHeader, value: renderKumaTags(scope.sources) };
  const byName = new Map<string, WeightedClusterView>();
  const hashed = new Map<string, HashPolicy>();
  for (const backend of backends) {
    const { name, external, hashPolicies = [] } = addGatewayCluster(scope, host, caller, backend, "http");
    for (const one of hashPolicies) hashed.set(JSON.stringify(one), one);
    byName.set(name, { name, weight: backend.weight, ...(external ? {} : { requestHeadersToAdd: [tags] }) });
  }
  const clusters = someWeight([...byName.values()]).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { clusters, hashPolicies: hashed.size > 0 ? [...hashed.values()] : undefined };
}

/** Envoy refuses weights that are all 0, which is what backends without weights have: then each counts the same. */
export function someWeight<Cluster extends { weight: number }>(clusters: readonly Cluster[]): Cluster[] {
  return clusters.every(({ weight }) => weight === 0) ? clusters.map((cluster) => ({ ...cluster, weight: 1 })) : [...clusters];
}

function mirrors(scope: GatewayScope, host: GatewayHost, caller: GatewayCaller, all: RouteEntry["mirrors"]) {
  const some = all.filter(({ destination, percent }) => percent > 0 && destination[serviceTag] !== unresolvedBackend);
  if (some.length === 0) return {};
  return { mirrors: some.map((one) => ({ cluster: addGatewayCluster(scope, host, caller, one, "http").name, percent: one.percent })) };
}
