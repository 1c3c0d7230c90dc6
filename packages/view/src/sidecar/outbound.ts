import { kumaTagsHeader, outboundLimit, outboundLogs, renderKumaTags, retries, serviceDestination, silenced } from "@atoll/policy";
import type { Answer, LogTarget, OutboundTimeouts, RequestLimit, Retries, Tags } from "@atoll/policy";
import { hostAndPort } from "@atoll/resource";
import {
  meshTag,
  outboundListenerName,
  outboundRouteName,
  serviceTag,
  sortedTags,
  statName,
  unresolvedBackend,
  withoutTags,
} from "../names.ts";
import { optional } from "../optional.ts";
import { accessLogs } from "../policies/access-log.ts";
import { retryView } from "../policies/retry.ts";
import { listenerTimeouts, routedTimeouts, routeTimeouts, timeoutsOf } from "../policies/timeout.ts";
import type { Protocol } from "../protocol.ts";
import type {
  DirectResponseView,
  HeaderOpsView,
  HttpFilterView,
  ListenerView,
  RouteConfigView,
  RouteView,
  TcpFilterView,
} from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { Reasons, ResourceRef } from "../reasons.ts";
import { outboundCluster, outboundClusterName } from "./outbound-cluster.ts";
import type { OutboundAddress } from "./outbound-addresses.ts";
import { planOutbound } from "./outbound-plan.ts";
import type { Plan, PlannedRoute } from "./outbound-plan.ts";
import type { OutboundScope } from "./outbound-scope.ts";
import type { WeightedDestination } from "./traffic-route.ts";

/** What policies say of an outbound, whatever its requests are sent to. */
interface Said {
  timeouts: Answer<OutboundTimeouts>;
  retries: Answer<Retries>;
  limit: Answer<RequestLimit>;
  logs: Answer<LogTarget[]>;
}

/** The same of a rule of a route, for which there may be policies of its own. */
type SaidOfRule = Pick<Said, "timeouts" | "retries">;

function saidOf({ caller }: OutboundScope, tags: Tags, protocol: Protocol): Said {
  const destination = serviceDestination({ [serviceTag]: tags[serviceTag] ?? "" });
  return {
    timeouts: caller.towards(timeoutsOf(protocol), destination),
    retries: caller.towards(retries, destination),
    limit: caller.towards(outboundLimit, destination),
    logs: caller.towards(outboundLogs, destination),
  };
}

function saidOfRules({ caller }: OutboundScope, tags: Tags, { routes, protocol }: Plan): ReadonlyMap<string, SaidOfRule> {
  const destination = serviceDestination({ [serviceTag]: tags[serviceTag] ?? "" });
  const rules = routes.flatMap(({ rule }) => rule ?? []);
  return new Map(
    rules.map((rule) => [
      rule,
      { timeouts: caller.towards(timeoutsOf(protocol), destination, rule), retries: caller.towards(retries, destination, rule) },
    ]),
  );
}

/** Adds the listener of one outbound, with its clusters and endpoints. */
export function addOutbound(scope: OutboundScope, outbound: OutboundAddress): void {
  const plan = planOutbound(scope, outbound.tags);
  const said = saidOf(scope, outbound.tags, plan.protocol);
  const ofRules = saidOfRules(scope, outbound.tags, plan);
  const external = new Set<string>();
  for (const tags of reached(plan)) {
    const made = outboundCluster(scope.contexts, scope.context, {
      tags,
      outboundService: outbound.tags[serviceTag] ?? "",
      caller: scope.caller,
      routed: plan.routed,
      loadBalancer: plan.loadBalancer,
      dialled: scope.dialled,
      ipv6: scope.ipv6,
    });
    if (!made) continue;
    scope.builder.cluster(made.cluster, made.endpoints, () => {
      const { from, policies } = made.reasons();
      return { from: [outboundRef(scope, outbound), ...from], policies: [...plan.account(), ...policies] };
    });
    if (made.external) external.add(made.cluster.name);
  }
  const build = (): OutboundParts => outboundParts(scope, outbound, plan, said, ofRules, external);
  const { listener, routes } = sharedParts(scope, outbound, plan, [said, ...ofRules.values()], external, build);
  scope.builder.listener(listener, () => listenerReasons(scope, outbound, plan, said, listener));
  if (routes) scope.builder.route(routes);
}

/** Everything that requests or connections are sent to. */
const reached = ({ routes, connections, isHttp }: Plan): Tags[] =>
  (isHttp ? routes.flatMap(({ destinations, mirrors }) => [...destinations, ...mirrors]) : connections)
    .map(({ tags }) => tags)
    .filter((tags) => tags[serviceTag] !== unresolvedBackend);

function outboundRef({ context, dataplane }: OutboundScope, { address, port, tags }: OutboundAddress): ResourceRef {
  const where = `${hostAndPort(address, port)} to ${tags[serviceTag] ?? ""}`;
  const virtual = context.virtualIps.find((one) => one.address === address);
  const origin = virtual?.outbounds.find((one) => one.port === port)?.origin;
  return refOf(dataplane, origin ? `virtual IP ${where}, named ${virtual?.domains.join(", ")}, by ${origin}` : `outbound on ${where}`);
}

function listenerReasons(scope: OutboundScope, outbound: OutboundAddress, plan: Plan, said: Said, listener: ListenerView): Reasons {
  const { tracing } = scope;
  const { filter } = listener.chains[0]!;
  return {
    from: [outboundRef(scope, outbound)],
    policies: [
      ...plan.account(),
      ...said.timeouts.account(),
      ...silenced(said.logs.account(), filter.type !== "directResponse" && !filter.accessLogs),
      ...(filter.type === "tcp" ? silenced(said.retries.account(), filter.maxConnectAttempts === undefined) : []),
      ...(plan.isHttp ? (tracing?.choice() ?? []) : []),
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
  said: readonly [Said, ...SaidOfRule[]],
  external: ReadonlySet<string>,
  build: () => OutboundParts,
): OutboundParts {
  if (plan.routed || scope.tracing || said[0].logs.conf?.length) return build();
  const sentTags = scope.context.readsKumaTags ? renderKumaTags(scope.sources) : "";
  const answers = [said[0].limit.key, ...said.map((one) => [one.timeouts.key, one.retries.key])];
  const sent = plan.key === "" ? [] : [plan.key, reached(plan)];
  const facts = [
    address,
    port,
    sortedTags(tags),
    plan.protocol,
    [...external],
    sentTags,
    scope.transparent,
    scope.kafkaFilter,
    answers,
    sent,
  ];
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
  ofRules: ReadonlyMap<string, SaidOfRule>,
  external: ReadonlySet<string>,
): OutboundParts {
  const routes = plan.isHttp ? routeConfig(scope, tags, plan, said, ofRules, external) : undefined;
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

/** Named by the service, and by what else tells the outbound's destination apart. */
function routeConfig(
  scope: OutboundScope,
  tags: Tags,
  plan: Plan,
  said: Said,
  ofRules: ReadonlyMap<string, SaidOfRule>,
  external: ReadonlySet<string>,
): RouteConfigView {
  const { context } = scope;
  const sendsTags = context.readsKumaTags || (plan.routed && plan.protocol !== "grpc");
  const kumaTags = sendsTags ? [{ name: kumaTagsHeader, value: renderKumaTags(scope.sources) }] : [];
  const limit = context.zoneEgress ? undefined : said.limit.conf;
  const retry = retryView(said.retries.conf, plan.protocol);
  const routes = plan.routes.map((planned): RouteView => {
    const own = (planned.rule === undefined ? undefined : ofRules.get(planned.rule)) ?? said;
    const action = planned.redirect ?? forwardAction(planned, external);
    const leaves = action.type === "forward" && action.clusters.some((cluster) => external.has(cluster.name));
    const requestMs = own.timeouts.conf?.route.requestMs;
    const isUnresolved = action.type === "forward" && action.clusters.some(({ name }) => name === unresolvedBackend);
    const route: RouteView = {
      ...(planned.name ? { name: planned.name } : {}),
      match: planned.match,
      action,
      ...optional("requestHeaders", withTags(planned.requestHeaders, kumaTags)),
      ...optional("responseHeaders", planned.responseHeaders),
      ...(action.type === "forward" ? (own.timeouts.conf ? routeTimeouts(own.timeouts.conf) : { timeoutMs: 0 }) : {}),
      ...optional("retry", own.retries.key === said.retries.key ? undefined : retryView(own.retries.conf, plan.protocol)),
      ...optional("rateLimit", leaves ? limit : undefined),
      ...(isUnresolved ? { clusterNotFound500: true } : {}),
    };
    scope.builder.because(route, () => ({
      from: planned.from,
      policies: [
        ...plan.account(),
        ...silenced(own.timeouts.account(), requestMs === undefined),
        ...silenced(own.retries.account(), !retry && !route.retry),
        ...(leaves ? silenced(said.limit.account(), !route.rateLimit) : []),
      ],
    }));
    return route;
  });
  const name = outboundRouteName(outboundClusterName(tags));
  return { name, virtualHosts: [{ name: tags[serviceTag] ?? "", domains: ["*"], ...optional("retry", retry), routes }] };
}

function forwardAction({ destinations, rewrite, mirrors }: PlannedRoute, external: ReadonlySet<string>): RouteView["action"] {
  const clusters = clustersOf(destinations);
  const leaves = clusters.some((cluster) => external.has(cluster.name));
  const copied = mirrors.filter(({ tags, percent }) => percent > 0 && tags[serviceTag] !== unresolvedBackend);
  return {
    type: "forward",
    // Envoy takes no forwarding to nowhere: all of it is unresolved then.
    clusters: clusters.length > 0 ? clusters : [{ name: unresolvedBackend, weight: 1 }],
    ...(copied.length > 0 ? { mirrors: copied.map(({ tags, percent }) => ({ cluster: outboundClusterName(tags), percent })) } : {}),
    ...rewrite,
    ...(leaves && rewrite.hostLiteral === undefined && !rewrite.hostFromPath ? { autoHost: true } : {}),
  };
}

function httpFilter(scope: OutboundScope, tags: Tags, plan: Plan, said: Said, routes: RouteConfigView): HttpFilterView {
  const service = tags[serviceTag] ?? "";
  const timeouts = timeoutsHere(plan, said);
  const logs = accessLogs(scope.context, scope.dataplane, said.logs.conf, { ...logged(scope, service), kind: "http" });
  return {
    type: "http",
    statPrefix: statName(service),
    routes: { rds: routes.name },
    // As in Kuma: a TrafficRoute leaves paths as they are.
    ...(plan.routed ? {} : { normalizePath: true }),
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
  const { connections } = plan;
  if (connections.length === 0) return { type: "directResponse", body: "" };
  const timeouts = timeoutsHere(plan, said);
  const logs = accessLogs(scope.context, scope.dataplane, said.logs.conf, {
    ...logged(scope, service),
    kind: "network",
  });
  return {
    type: "tcp",
    statPrefix: statName(service),
    clusters: clustersOf(connections),
    ...(timeouts?.tcpIdleMs === undefined ? {} : { idleTimeoutMs: timeouts.tcpIdleMs }),
    ...optional("maxConnectAttempts", said.retries.conf?.maxConnectAttempts),
    ...(logs.length > 0 ? { accessLogs: logs } : {}),
    ...(scope.kafkaFilter && plan.protocol === "kafka" ? { kafkaStatPrefix: statName(service) } : {}),
  };
}

const timeoutsHere = ({ routed }: Plan, said: Said): OutboundTimeouts | undefined =>
  said.timeouts.conf ?? (routed ? routedTimeouts : undefined);

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
