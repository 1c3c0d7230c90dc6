import { renderKumaTags, silenced } from "@atoll/policy";
import type { OutboundTimeouts } from "@atoll/policy";
import { hostAndPort } from "@atoll/resource";
import { meshTag, outboundListenerName, sortedTags, statName, withoutTags } from "../names.ts";
import { optional } from "../optional.ts";
import { accessLogs } from "../policies/access-log.ts";
import { connectionHash } from "../policies/load-balancing.ts";
import { listenerTimeouts, routedTimeouts } from "../policies/timeout.ts";
import type { DirectResponseView, HttpFilterView, ListenerView, RouteConfigView, TcpFilterView } from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { Reasons, ResourceRef } from "../reasons.ts";
import { isNowhere, nameOf } from "../routes/called.ts";
import type { Called } from "../routes/called.ts";
import { realCluster } from "../services/real-cluster.ts";
import { serviceRef } from "../services/real-service.ts";
import { outboundCluster } from "./outbound-cluster.ts";
import type { OutboundCluster } from "./outbound-cluster.ts";
import { planOutbound } from "./outbound-plan.ts";
import type { Plan } from "./outbound-plan.ts";
import { clustersOf, routeConfig } from "./outbound-routes.ts";
import { saidOf, saidOfRules } from "./outbound-said.ts";
import type { Said, SaidOfRule } from "./outbound-said.ts";
import type { OutboundScope } from "./outbound-scope.ts";

/** Where a workload calls something. */
export interface Outbound {
  address: string;
  port: number;
  to: Called;
}

/** Adds the listener of one outbound, with its clusters and endpoints. */
export function addOutbound(scope: OutboundScope, outbound: Outbound): void {
  const plan = planOutbound(scope, outbound.to);
  const said = saidOf(scope, outbound.to, plan.protocol);
  const ofRules = saidOfRules(scope, outbound.to, plan);
  const external = new Set<string>();
  for (const called of reached(plan)) {
    const made = madeCluster(scope, outbound, plan, called);
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
const reached = ({ routes, connections, isHttp }: Plan): Called[] =>
  (isHttp ? routes.flatMap(({ destinations, mirrors }) => [...destinations, ...mirrors]) : connections)
    .map(({ to }) => to)
    .filter((to) => !isNowhere(to));

function madeCluster(scope: OutboundScope, { to }: Outbound, { routed, loadBalancer }: Plan, called: Called): OutboundCluster | undefined {
  const { contexts, context, caller, sources, dialled, ipv6 } = scope;
  if (called.kind === "resource") return { ...realCluster(contexts, context, scope, called.target), external: false };
  const { tags } = called;
  const outboundService = to.kind === "service" ? nameOf(to) : nameOf(called);
  return outboundCluster(contexts, context, { tags, outboundService, caller, sources, routed, loadBalancer, dialled, ipv6 });
}

function outboundRef({ context, dataplane }: OutboundScope, { address, port, to }: Outbound): ResourceRef {
  const where = `${hostAndPort(address, port)} to ${nameOf(to)}`;
  if (to.kind === "resource") return refOf(dataplane, `${to.target.service.vip === address ? "virtual IP" : "outbound on"} ${where}`);
  const virtual = context.virtualIps.find((one) => one.address === address);
  const origin = virtual?.outbounds.find((one) => one.port === port)?.origin;
  return refOf(dataplane, origin ? `virtual IP ${where}, named ${virtual?.domains.join(", ")}, by ${origin}` : `outbound on ${where}`);
}

function listenerReasons(scope: OutboundScope, outbound: Outbound, plan: Plan, said: Said, listener: ListenerView): Reasons {
  const { tracing } = scope;
  const { filter } = listener.chains[0]!;
  return {
    from: [outboundRef(scope, outbound), ...(outbound.to.kind === "resource" ? [serviceRef(outbound.to.target.service)] : [])],
    policies: [
      ...plan.account(),
      ...said.timeouts.account(),
      ...silenced(said.logs.account(), filter.type !== "directResponse" && !filter.accessLogs),
      ...(filter.type === "tcp" ? silenced(said.retries.account(), filter.maxConnectAttempts === undefined) : []),
      ...(filter.type === "tcp" ? silenced(said.balancing.account(), filter.hashPolicy === undefined) : []),
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
  { address, port, to }: Outbound,
  plan: Plan,
  said: readonly [Said, ...SaidOfRule[]],
  external: ReadonlySet<string>,
  build: () => OutboundParts,
): OutboundParts {
  if (plan.routed || scope.tracing || said[0].logs.conf?.length) return build();
  const sentTags = scope.context.readsKumaTags ? renderKumaTags(scope.sources) : "";
  const hashed = JSON.stringify(said[0].balancing.conf?.hashPolicies ?? []);
  const answers = [said[0].limit.key, hashed, ...said.map((one) => [one.timeouts.key, one.retries.key])];
  const sent =
    plan.key === ""
      ? []
      : [plan.key, reached(plan).map((called) => (called.kind === "service" ? sortedTags(called.tags) : nameOf(called)))];
  const facts = [
    address,
    port,
    to.kind === "service" ? sortedTags(to.tags) : nameOf(to),
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
  { address, port, to }: Outbound,
  plan: Plan,
  said: Said,
  ofRules: ReadonlyMap<string, SaidOfRule>,
  external: ReadonlySet<string>,
): OutboundParts {
  const routes = plan.isHttp ? routeConfig(scope, to, plan, said, ofRules, external) : undefined;
  const filter = routes ? httpFilter(scope, to, plan, said, routes) : tcpFilter(scope, to, plan, said);
  const listener: ListenerView = {
    name: outboundListenerName(address, port),
    address,
    port,
    direction: "outbound",
    ...(scope.transparent ? { bindToPort: false } : {}),
    ...(to.kind === "service" ? { tags: withoutTags(to.tags, meshTag) } : {}),
    chains: [{ filter }],
  };
  return { listener, ...optional("routes", routes) };
}

function httpFilter(scope: OutboundScope, to: Called, plan: Plan, said: Said, routes: RouteConfigView): HttpFilterView {
  const service = nameOf(to);
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
function tcpFilter(scope: OutboundScope, to: Called, plan: Plan, said: Said): TcpFilterView | DirectResponseView {
  const service = nameOf(to);
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
    ...optional("hashPolicy", connectionHash(said.balancing.conf?.hashPolicies)),
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
