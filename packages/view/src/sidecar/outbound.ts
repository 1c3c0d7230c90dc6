import {
  choiceOf,
  kumaTagsHeader,
  outboundLimit,
  outboundLogs,
  renderKumaTags,
  retries,
  serviceDestination,
  silenced,
} from "@atoll/policy";
import type { Answer, LogTarget, OutboundTimeouts, PolicyChoice, RequestLimit, Retries, Tags } from "@atoll/policy";
import type { TrafficRouteHttp } from "@atoll/resource";
import { meshTag, outboundListenerName, outboundRouteName, serviceTag, sortedTags, statName, withoutTags } from "../names.ts";
import { optional } from "../optional.ts";
import { accessLogs } from "../policies/access-log.ts";
import { loadBalancerView } from "../policies/load-balancing.ts";
import { retryView } from "../policies/retry.ts";
import { listenerTimeouts, routedTimeouts, timeoutsOf } from "../policies/timeout.ts";
import { commonProtocol, isHttp } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type {
  DirectResponseView,
  HeaderOpsView,
  HttpFilterView,
  ListenerView,
  LoadBalancerView,
  RouteConfigView,
  RouteView,
  TcpFilterView,
} from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { Reasons, ResourceRef } from "../reasons.ts";
import { outboundCluster, outboundClusterName } from "./outbound-cluster.ts";
import type { OutboundAddress } from "./outbound-addresses.ts";
import type { OutboundScope } from "./outbound-scope.ts";
import { headerOps, resolveSplits, routeMatch, routeRewrite } from "./traffic-route.ts";
import type { WeightedDestination } from "./traffic-route.ts";

interface Plan {
  /** Where each route goes; the last is for everything the others did not take. */
  routes: { name: string; http?: TrafficRouteHttp; destinations: WeightedDestination[] }[];
  loadBalancer?: LoadBalancerView | undefined;
  protocol: Protocol;
}

/** What policies say of an outbound, whatever its requests are sent to. */
interface Said {
  timeouts: Answer<OutboundTimeouts>;
  retries: Answer<Retries>;
  limit: Answer<RequestLimit>;
  logs: Answer<LogTarget[]>;
}

function saidOf({ caller }: OutboundScope, tags: Tags, protocol: Protocol): Said {
  const destination = serviceDestination({ [serviceTag]: tags[serviceTag] ?? "" });
  return {
    timeouts: caller.towards(timeoutsOf(protocol), destination),
    retries: caller.towards(retries, destination),
    limit: caller.towards(outboundLimit, destination),
    logs: caller.towards(outboundLogs, destination),
  };
}

/** Adds the listener of one outbound, with its clusters and endpoints. */
export function addOutbound(scope: OutboundScope, outbound: OutboundAddress): void {
  const plan = planOutbound(scope, outbound.tags);
  const said = saidOf(scope, outbound.tags, plan.protocol);
  const external = new Set<string>();
  for (const { tags } of plan.routes.flatMap((route) => route.destinations)) {
    const made = outboundCluster(scope.contexts, scope.context, {
      tags,
      outboundService: outbound.tags[serviceTag] ?? "",
      caller: scope.caller,
      routed: scope.trafficRoute !== null,
      loadBalancer: plan.loadBalancer,
      dialled: scope.dialled,
      ipv6: scope.ipv6,
    });
    if (!made) continue;
    scope.builder.cluster(made.cluster, made.endpoints, () => {
      const { from, policies } = made.reasons();
      return { from: [outboundRef(scope, outbound), ...from], policies: [...routeChoice(scope, outbound.tags), ...policies] };
    });
    if (made.external) external.add(made.cluster.name);
  }
  const build = (): OutboundParts => outboundParts(scope, outbound, plan, said, external);
  const { listener, routes } = sharedParts(scope, outbound, plan, said, external, build);
  scope.builder.listener(listener, () => listenerReasons(scope, outbound, plan, said, listener));
  if (routes) scope.builder.route(routes);
}

function outboundRef({ context, dataplane }: OutboundScope, { address, port, tags }: OutboundAddress): ResourceRef {
  const where = `${address}:${port} to ${tags[serviceTag] ?? ""}`;
  const virtual = context.virtualIps.find((one) => one.address === address);
  const origin = virtual?.outbounds.find((one) => one.port === port)?.origin;
  return refOf(dataplane, origin ? `virtual IP ${where}, named ${virtual?.domains.join(", ")}, by ${origin}` : `outbound on ${where}`);
}

const routeChoice = ({ trafficRoute }: OutboundScope, tags: Tags): PolicyChoice[] =>
  trafficRoute ? choiceOf(trafficRoute.candidates(tags[serviceTag] ?? "")) : [];

function listenerReasons(scope: OutboundScope, outbound: OutboundAddress, plan: Plan, said: Said, listener: ListenerView): Reasons {
  const { tracing } = scope;
  const { filter } = listener.chains[0]!;
  return {
    from: [outboundRef(scope, outbound)],
    policies: [
      ...routeChoice(scope, outbound.tags),
      ...said.timeouts.account(),
      ...silenced(said.logs.account(), filter.type !== "directResponse" && !filter.accessLogs),
      ...(filter.type === "tcp" ? silenced(said.retries.account(), filter.maxConnectAttempts === undefined) : []),
      ...(isHttp(plan.protocol) ? (tracing?.choice() ?? []) : []),
    ],
  };
}

/** Routes are apart from their listener: a route that changes then closes no connection, and no request meets a cluster that is gone. */
interface OutboundParts {
  listener: ListenerView;
  routes?: RouteConfigView;
}

/** Every proxy that asks for the same outbound, and of which policies say the same, gets the same objects; but logs and spans name it. */
function sharedParts(
  scope: OutboundScope,
  { address, port, tags }: OutboundAddress,
  plan: Plan,
  said: Said,
  external: ReadonlySet<string>,
  build: () => OutboundParts,
): OutboundParts {
  if (scope.trafficRoute || scope.tracing || said.logs.conf?.length) return build();
  const sentTags = scope.context.readsKumaTags ? renderKumaTags(scope.sources) : "";
  const answers = [said.timeouts.key, said.retries.key, said.limit.key];
  const facts = [address, port, sortedTags(tags), plan.protocol, [...external], sentTags, scope.transparent, scope.kafkaFilter, answers];
  const key = JSON.stringify(facts);
  const { memo } = scope.context;
  const both = (): OutboundParts => memo.share(`outbound/${key}`, build);
  // Each is kept by itself, so that a changed route leaves the listener as it was.
  const routes = memo.share(`outbound-routes/${key}`, () => both().routes);
  return { listener: memo.share(`outbound-listener/${key}`, () => both().listener), ...optional("routes", routes) };
}

function outboundParts(
  scope: OutboundScope,
  { address, port, tags }: OutboundAddress,
  plan: Plan,
  said: Said,
  external: ReadonlySet<string>,
): OutboundParts {
  const routes = isHttp(plan.protocol) ? routeConfig(scope, tags, plan, said, external) : undefined;
  const filter = routes ? httpFilter(scope, tags, plan, said, routes) : tcpFilter(scope, tags, plan, said);
  const listener: ListenerView = {
    name: outboundListenerName(address, port),
    address,
    port,
    direction: "outbound",
    ...(scope.transparent ? { bindToPort: false } : {}),
    tags: withoutTags(tags, meshTag),
    chains: [{ filter }],
  };
  return { listener, ...optional("routes", routes) };
}

function planOutbound(scope: OutboundScope, tags: Tags): Plan {
  const service = tags[serviceTag] ?? "";
  if (!scope.trafficRoute) {
    const routes = [{ name: "", destinations: [{ tags, weight: 1 }] }];
    return { routes, protocol: scope.context.service(service).protocol };
  }
  const route = scope.trafficRoute(service);
  if (!route) return { routes: [], protocol: "unknown" };
  const { conf } = route.spec;
  const routes = [
    ...(conf.http ?? []).map((http, index) => ({
      name: `TrafficRoute ${route.name} http ${index}`,
      http,
      destinations: resolveSplits(http, tags),
    })),
    { name: `TrafficRoute ${route.name}`, destinations: resolveSplits(conf, tags) },
  ].filter(({ destinations }) => destinations.length > 0);
  const reached = routes.flatMap(({ destinations }) => destinations);
  const services = reached.map(({ tags: reachedTags }) => reachedTags[serviceTag] ?? "");
  // One that is not there yet, or was never, has no say.
  const protocol = commonProtocol(services.filter((name) => scope.context.knows(name)).map((name) => scope.context.service(name).protocol));
  return { routes, loadBalancer: loadBalancerView(conf.loadBalancer), protocol };
}

/** Named by the service, and by what else tells the outbound's destination apart. */
function routeConfig(scope: OutboundScope, tags: Tags, plan: Plan, said: Said, external: ReadonlySet<string>): RouteConfigView {
  const service = tags[serviceTag] ?? "";
  const { context } = scope;
  const requestMs = said.timeouts.conf?.route.requestMs;
  const limit = context.zoneEgress ? undefined : said.limit.conf;
  const sendsTags = context.readsKumaTags || (scope.trafficRoute !== null && plan.protocol !== "grpc");
  const kumaTags = sendsTags ? [{ name: kumaTagsHeader, value: renderKumaTags(scope.sources) }] : [];
  const retry = retryView(said.retries.conf, plan.protocol);
  const routes = plan.routes.map(({ name, http, destinations }): RouteView => {
    const clusters = clustersOf(destinations);
    const leaves = clusters.some((cluster) => external.has(cluster.name));
    const rewrite = routeRewrite(http?.modify);
    const requestHeaders = withTags(headerOps(http?.modify?.requestHeaders), kumaTags);
    const route: RouteView = {
      ...(name ? { name } : {}),
      match: routeMatch(http?.match ?? {}),
      action: {
        type: "forward",
        clusters,
        ...rewrite,
        ...(leaves && !rewrite.hostLiteral && !rewrite.hostFromPath ? { autoHost: true } : {}),
      },
      ...optional("requestHeaders", requestHeaders),
      ...optional("responseHeaders", headerOps(http?.modify?.responseHeaders)),
      timeoutMs: requestMs ?? 0,
      ...optional("rateLimit", leaves ? limit : undefined),
    };
    const chosen = scope.trafficRoute?.(service);
    scope.builder.because(route, () => ({
      from: chosen ? [refOf(chosen, http ? `conf.http[${chosen.spec.conf.http?.indexOf(http)}]` : "conf")] : [],
      policies: [
        ...routeChoice(scope, tags),
        ...silenced(said.timeouts.account(), requestMs === undefined),
        ...silenced(said.retries.account(), !retry),
        ...(leaves ? silenced(said.limit.account(), !route.rateLimit) : []),
      ],
    }));
    return route;
  });
  return {
    name: outboundRouteName(outboundClusterName(tags)),
    virtualHosts: [
      {
        name: service,
        domains: ["*"],
        ...optional("retry", retry),
        routes,
      },
    ],
  };
}

function httpFilter(scope: OutboundScope, tags: Tags, plan: Plan, said: Said, routes: RouteConfigView): HttpFilterView {
  const service = tags[serviceTag] ?? "";
  const timeouts = timeoutsHere(scope, said);
  const logs = accessLogs(scope.context, scope.dataplane, said.logs.conf, { ...logged(scope, service), kind: "http" });
  return {
    type: "http",
    statPrefix: statName(service),
    routes: { rds: routes.name },
    // As in Kuma: a mesh with TrafficRoutes leaves paths as they are.
    ...(scope.trafficRoute ? {} : { normalizePath: true }),
    ...(routes.virtualHosts.some((host) => host.routes.some((route) => route.rateLimit)) ? { localRateLimit: true } : {}),
    ...(plan.protocol === "grpc" ? { grpcStats: true } : {}),
    ...(timeouts ? listenerTimeouts(timeouts) : {}),
    ...(logs.length > 0 ? { accessLogs: logs } : {}),
    ...(scope.tracing ? { tracing: scope.tracing.listener("outbound", scope.sourceService, service) } : {}),
  };
}

/** With nowhere to send to, connections are taken and closed: Envoy refuses a TCP proxy without a cluster. */
function tcpFilter(scope: OutboundScope, tags: Tags, plan: Plan, said: Said): TcpFilterView | DirectResponseView {
  const service = tags[serviceTag] ?? "";
  const destinations = plan.routes.filter(({ http }) => !http).flatMap((route) => route.destinations);
  if (destinations.length === 0) return { type: "directResponse", body: "" };
  const timeouts = timeoutsHere(scope, said);
  const logs = accessLogs(scope.context, scope.dataplane, said.logs.conf, {
    ...logged(scope, service),
    kind: "network",
  });
  return {
    type: "tcp",
    statPrefix: statName(service),
    clusters: clustersOf(destinations),
    ...(timeouts?.tcpIdleMs === undefined ? {} : { idleTimeoutMs: timeouts.tcpIdleMs }),
    ...optional("maxConnectAttempts", said.retries.conf?.maxConnectAttempts),
    ...(logs.length > 0 ? { accessLogs: logs } : {}),
    ...(scope.kafkaFilter && plan.protocol === "kafka" ? { kafkaStatPrefix: statName(service) } : {}),
  };
}

const timeoutsHere = (scope: OutboundScope, said: Said): OutboundTimeouts | undefined =>
  said.timeouts.conf ?? (scope.trafficRoute ? routedTimeouts : undefined);

const logged = (scope: OutboundScope, service: string) => ({
  direction: "OUTBOUND" as const,
  sourceService: scope.sourceService,
  destinationService: service,
  pipeFolder: scope.pipeFolder,
});

/** Weights by cluster: two destinations of one name are one cluster. */
function clustersOf(destinations: readonly WeightedDestination[]): { name: string; weight: number }[] {
  const weights = new Map<string, number>();
  for (const { tags, weight } of destinations) {
    const name = outboundClusterName(tags);
    weights.set(name, (weights.get(name) ?? 0) + weight);
  }
  return [...weights].map(([name, weight]) => ({ name, weight }));
}

/** Tags replace whatever a request brings, so that no application can pass for another. */
function withTags(ops: HeaderOpsView | undefined, kumaTags: { name: string; value: string }[]): HeaderOpsView | undefined {
  return kumaTags.length === 0 ? ops : { ...ops, set: [...(ops?.set ?? []), ...kumaTags] };
}
