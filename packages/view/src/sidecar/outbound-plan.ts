import { choiceOf, httpRoutes, tcpRoutes } from "@atoll/policy";
import type { Answer, HttpRoutes, PolicyChoice, RouteBackends, Tags, TcpRoutes } from "@atoll/policy";
import { serviceTag } from "../names.ts";
import { loadBalancerView } from "../policies/load-balancing.ts";
import { commonProtocol, isHttp } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type { HeaderOpsView, LoadBalancerView, RouteMatchView, RouteRewriteView, RouteView } from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { ResourceRef } from "../reasons.ts";
import { meshRoutes, takesEverything } from "../routes/mesh-http-route.ts";
import type { MeshRoute } from "../routes/mesh-http-route.ts";
import { calledBackend, calledService, destinationOf, isNowhere, nameOf, protocolOf } from "../routes/called.ts";
import type { Called } from "../routes/called.ts";
import { redirectView, rewriteView, someOps } from "../routes/route-action-view.ts";
import type { OutboundScope } from "./outbound-scope.ts";
import { headerOps, resolveSplits, routeMatch, routeRewrite } from "./traffic-route.ts";

export interface WeightedDestination {
  to: Called;
  weight: number;
}

/** Where some of the requests of an outbound go. */
export interface PlannedRoute {
  name: string;
  match: RouteMatchView;
  /** `nowhere` has no cluster. */
  destinations: WeightedDestination[];
  rewrite: RouteRewriteView;
  requestHeaders?: HeaderOpsView | undefined;
  responseHeaders?: HeaderOpsView | undefined;
  redirect?: Extract<RouteView["action"], { type: "redirect" }>;
  mirrors: { to: Called; percent: number }[];
  /** By which policies for a route know it. */
  rule?: string;
  from: ResourceRef[];
}

/** What an outbound does with what comes. */
export interface Plan {
  /** The last is for everything the others did not take. */
  routes: PlannedRoute[];
  /** Of connections, where nobody looks for requests in them. */
  connections: WeightedDestination[];
  isHttp: boolean;
  protocol: Protocol;
  loadBalancer?: LoadBalancerView | undefined;
  /** By a TrafficRoute, or for want of one. */
  routed: boolean;
  /** Equal where the routes are. */
  key: string;
  account: () => PolicyChoice[];
}

/** Routes with a targetRef where the proxy has any, or the mesh has no TrafficRoute, which knows services by tags alone; else TrafficRoutes. */
export function planOutbound(scope: OutboundScope, to: Called): Plan {
  const { caller, context, trafficRoute } = scope;
  const protocol = protocolOf(context, to);
  const targeted = (type: string): boolean => to.kind === "resource" || trafficRoute === null || caller.isSteeredBy(type);
  const destination = destinationOf(to);
  const http = isHttp(protocol) && targeted("MeshHTTPRoute") ? caller.towards(httpRoutes, destination) : undefined;
  const tcp = http?.conf === undefined && targeted("MeshTCPRoute") ? caller.towards(tcpRoutes, destination) : undefined;
  if (tcp?.conf && (tcp.conf.backends || !isHttp(protocol))) return tcpPlan(scope, to, protocol, tcp);
  if (http) return httpPlan(scope, to, protocol, http);
  if (to.kind === "resource" || (tcp && !isHttp(protocol))) return tcpPlan(scope, to, protocol, tcp ?? nothingSaid);
  return trafficRoutePlan(scope, to.tags);
}

const nothingSaid: Answer<TcpRoutes> = { conf: undefined, key: "", account: () => [] };

const itself = (to: Called): WeightedDestination => ({ to, weight: 1 });

function httpPlan(scope: OutboundScope, to: Called, protocol: Protocol, { conf, key, account }: Answer<HttpRoutes>): Plan {
  const rest: PlannedRoute = { name: "", match: { path: { prefix: "/" } }, destinations: [itself(to)], rewrite: {}, mirrors: [], from: [] };
  const routes = conf ? meshRoutes(conf).map((route) => plannedRoute(scope, to, route)) : [];
  return {
    routes: conf && takesEverything(conf) ? routes : [...routes, rest],
    connections: [itself(to)],
    isHttp: true,
    protocol,
    routed: false,
    key,
    account,
  };
}

function plannedRoute(scope: OutboundScope, to: Called, route: MeshRoute): PlannedRoute {
  const { rule, match, backends, requestHeaders, responseHeaders, mirrors } = route;
  return {
    name: rule.hash,
    match,
    destinations: backends ? destinationsOf(scope, backends) : [itself(to)],
    rewrite: rewriteView(route),
    requestHeaders: someOps(requestHeaders),
    responseHeaders: someOps(responseHeaders),
    ...(route.redirect ? { redirect: redirectView(route.redirect, route.path) } : {}),
    mirrors: mirrors.map(({ ref, percent }) => ({ to: calledBackend(scope.context, ref), percent })),
    rule: rule.hash,
    from: [{ ...refText(rule.policy), section: `rule ${rule.hash}` }],
  };
}

const refText = ({ type, mesh, name, revision }: RouteBackends["policy"]): ResourceRef => ({ type, mesh, name, revision });

/** Without weight a backend gets nothing. One that is not there keeps its share, which is answered 500 (Gateway API, HTTPBackendRef). */
function destinationsOf({ context }: OutboundScope, { refs }: RouteBackends): WeightedDestination[] {
  return refs.filter(({ weight }) => weight > 0).map((ref) => ({ to: calledBackend(context, ref), weight: ref.weight }));
}

function tcpPlan(scope: OutboundScope, to: Called, protocol: Protocol, { conf, key, account }: Answer<TcpRoutes>): Plan {
  const known = conf?.backends ? destinationsOf(scope, conf.backends).filter((one) => !isNowhere(one.to)) : [itself(to)];
  return { routes: [], connections: known, isHttp: false, protocol, routed: false, key, account };
}

function trafficRoutePlan(scope: OutboundScope, tags: Tags): Plan {
  const service = tags[serviceTag] ?? "";
  const route = scope.trafficRoute?.(service);
  const account = (): PolicyChoice[] => (scope.trafficRoute ? choiceOf(scope.trafficRoute.candidates(service)) : []);
  if (!route) return { routes: [], connections: [], isHttp: false, protocol: "unknown", routed: true, key: "", account };
  const { conf } = route.spec;
  const rest: PlannedRoute = {
    name: `TrafficRoute ${route.name}`,
    match: routeMatch({}),
    destinations: calledSplits(conf, tags),
    rewrite: {},
    mirrors: [],
    from: [refOf(route, "conf")],
  };
  const routes = [
    ...(conf.http ?? []).map((http, index): PlannedRoute => ({
      name: `TrafficRoute ${route.name} http ${index}`,
      match: routeMatch(http.match),
      destinations: calledSplits(http, tags),
      rewrite: routeRewrite(http.modify),
      requestHeaders: headerOps(http.modify?.requestHeaders),
      responseHeaders: headerOps(http.modify?.responseHeaders),
      mirrors: [],
      from: [refOf(route, `conf.http[${index}]`)],
    })),
    rest,
  ].filter(({ destinations }) => destinations.length > 0);
  const reached = routes.flatMap(({ destinations }) => destinations);
  const services = reached.map((one) => nameOf(one.to));
  // One that is not there yet, or was never, has no say.
  const protocol = commonProtocol(services.filter((name) => scope.context.knows(name)).map((name) => scope.context.service(name).protocol));
  const loadBalancer = loadBalancerView(conf.loadBalancer);
  return { routes, connections: rest.destinations, isHttp: isHttp(protocol), protocol, loadBalancer, routed: true, key: "", account };
}

const calledSplits = (...asked: Parameters<typeof resolveSplits>): WeightedDestination[] =>
  resolveSplits(...asked).map(({ tags, weight }) => ({ to: calledService(tags), weight }));
