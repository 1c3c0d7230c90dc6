import type { Fact } from "@atoll/facts";
import { silenced } from "@atoll/policy";
import type { OutboundTimeouts } from "@atoll/policy";
import { hostAndPort } from "@atoll/resource";
import { meshTag, outboundListenerName, statName, withoutTags } from "../names.ts";
import { optional } from "../optional.ts";
import { accessLogs } from "../policies/access-log.ts";
import { connectionHash } from "../policies/load-balancing.ts";
import { listenerTimeouts, routedTimeouts } from "../policies/timeout.ts";
import type {
  ClusterView,
  DirectResponseView,
  EndpointSetView,
  HttpFilterView,
  ListenerView,
  RouteConfigView,
  TcpFilterView,
} from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { Reasons, ResourceRef } from "../reasons.ts";
import { isNowhere, loggedNameOf, nameOf } from "../routes/called.ts";
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

/** One outbound: its listener and routes, its clusters and their endpoints. */
export interface MadeOutbound {
  listener: ListenerView;
  /** Apart from the listener: a route that changes then closes no connection, and no request meets a cluster that is gone. */
  routes?: RouteConfigView;
  clusters: readonly { cluster: ClusterView; endpoints?: Fact<EndpointSetView> | undefined; reasons: () => Reasons }[];
  reasons: () => Reasons;
}

/** What one outbound is, with why it is so. */
export function makeOutbound(scope: OutboundScope, outbound: Outbound): MadeOutbound {
  const plan = planOutbound(scope, outbound.to);
  const said = saidOf(scope, outbound.to, plan.protocol);
  const ofRules = saidOfRules(scope, outbound.to, plan);
  const external = new Set<string>();
  const clusters = reached(plan).flatMap((called) => {
    const made = madeCluster(scope, outbound, plan, called);
    if (made?.external) external.add(made.cluster.name);
    const reasons = (from: () => Reasons): Reasons => ({
      from: [outboundRef(scope, outbound), ...from().from],
      policies: [...plan.account(), ...from().policies],
    });
    return made ? [{ cluster: made.cluster, endpoints: made.endpoints, reasons: () => reasons(made.reasons) }] : [];
  });
  const { listener, routes } = outboundParts(scope, outbound, plan, said, ofRules, external);
  return { listener, ...optional("routes", routes), clusters, reasons: () => listenerReasons(scope, outbound, plan, said, listener) };
}

/** Everything that requests or connections are sent to. */
const reached = ({ routes, connections, isHttp }: Plan): Called[] =>
  (isHttp ? routes.flatMap(({ destinations, mirrors }) => [...destinations, ...mirrors]) : connections)
    .map(({ to }) => to)
    .filter((to) => !isNowhere(to));

function madeCluster(scope: OutboundScope, { to }: Outbound, { routed, loadBalancer }: Plan, called: Called): OutboundCluster | undefined {
  const { contexts, context, caller, sources, clientTls, dialled, ipv6 } = scope;
  if (called.kind === "resource") return { ...realCluster(contexts, context, scope, called.target), external: false };
  const { tags } = called;
  const outboundService = to.kind === "service" ? nameOf(to) : nameOf(called);
  return outboundCluster(contexts, context, { tags, outboundService, caller, sources, clientTls, routed, loadBalancer, dialled, ipv6 });
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

function outboundParts(
  scope: OutboundScope,
  { address, port, to }: Outbound,
  plan: Plan,
  said: Said,
  ofRules: ReadonlyMap<string, SaidOfRule>,
  external: ReadonlySet<string>,
): Pick<MadeOutbound, "listener" | "routes"> {
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
  const logs = accessLogs(scope.context, scope.dataplane, said.logs.conf, { ...logged(scope, to), kind: "http" });
  return {
    type: "http",
    statPrefix: statName(service),
    routes: { rds: routes.name },
    // As in Kuma: a TrafficRoute leaves paths as they are.
    ...(plan.routed ? {} : { normalizePath: true }),
    ...(routes.virtualHosts.some((host) => host.routes.some((route) => route.rateLimit)) ? { localRateLimit: true } : {}),
    ...(plan.protocol === "grpc" ? { grpcStats: true } : {}),
    // How long a workload keeps its connection is its own affair.
    ...(timeouts ? listenerTimeouts(timeouts) : { idleTimeoutMs: 0 }),
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
    ...logged(scope, to),
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

const logged = (scope: OutboundScope, to: Called) => ({
  direction: "OUTBOUND" as const,
  sourceService: scope.sourceService,
  destinationService: loggedNameOf(to),
  pipeFolder: scope.pipeFolder,
});
