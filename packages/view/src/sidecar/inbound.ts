import {
  inboundCallee,
  inboundCircuitBreaking,
  inboundFaults,
  inboundLimits,
  inboundLogs,
  inboundTimeouts,
  kumaTagsHeader,
  mutualTls,
  permission,
  unchosen,
} from "@atoll/policy";
import type { Callee, InboundTimeouts, PolicyChoice, ProxyPolicies } from "@atoll/policy";
import { unknownService } from "@atoll/resource";
import { isIPv6 } from "node:net";
import { inboundInterfaces } from "../dataplane.ts";
import type { Dataplane, InboundInterface } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import { clusterNames, downstreamTls, meshAlpn } from "../mesh-tls.ts";
import { inboundListenerName, inboundRouteName, localClusterName, protocolTag, serviceTag, statName, withoutTags } from "../names.ts";
import { optional } from "../optional.ts";
import { circuitBreakerView } from "../policies/circuit-breaker.ts";
import { accessLogs } from "../policies/access-log.ts";
import { limitedRoutes } from "../policies/rate-limit.ts";
import { rbacView } from "../policies/traffic-permission.ts";
import type { Tracing } from "../policies/tracing.ts";
import { isHttp, parseProtocol, upstreamHttp } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type { ClusterView, FilterChainView, HttpFilterView, ListenerView, TcpFilterView } from "../proxy-view.ts";
import { meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ViewBuilder } from "../view-builder.ts";

const localConnectTimeoutMs = 10_000;
const idleTimeoutMs = 2 * 60 * 60 * 1_000;
const streamIdleTimeoutMs = 60 * 60 * 1_000;
/** Addresses that transparent proxying does not redirect when a proxy connects from them. */
const passthroughSource = { v4: "127.0.0.6", v6: "::6" };

export interface InboundScope {
  context: MeshContext;
  builder: ViewBuilder;
  dataplane: Dataplane;
  policies: ProxyPolicies;
  pipeFolder: string;
  tracing: Tracing | undefined;
  transparent: boolean;
  /** The Envoy has the Kafka broker filter. */
  kafkaFilter: boolean;
}

/** Adds the listener and the local cluster of one inbound. */
export function addInbound(scope: InboundScope, inbound: InboundInterface): void {
  const { context, builder } = scope;
  const protocol = parseProtocol(inbound.tags[protocolTag]);
  const cluster = localClusterName(inbound.workloadPort);
  const http = upstreamHttp(protocol);
  const loopback = inbound.workloadAddress === "127.0.0.1" || inbound.workloadAddress === "::1";
  const callee = inboundCallee(scope.policies, inbound);
  const section = `inbound on port ${inbound.port} of ${inbound.tags[serviceTag] ?? ""}`;
  const timeouts = callee.answer(inboundTimeouts);
  const breaking = callee.answer(inboundCircuitBreaking);
  const local: ClusterView = {
    ...clusterNames(cluster),
    discovery: { type: "static", endpoints: [{ address: inbound.workloadAddress, port: inbound.workloadPort }] },
    connectTimeoutMs: localConnectTimeoutMs,
    ...(http ? { http, idleTimeoutMs } : {}),
    ...(timeouts.conf ? localClusterTimeouts(timeouts.conf, protocol) : {}),
    ...circuitBreakerView(breaking.conf),
    ...(scope.transparent && !loopback
      ? { sourceAddress: isIPv6(inbound.workloadAddress) ? passthroughSource.v6 : passthroughSource.v4 }
      : {}),
  };
  builder.cluster(local, undefined, () => ({
    from: [refOf(scope.dataplane, section)],
    policies: [...timeouts.account(), ...breaking.account()],
  }));
  const name = inboundListenerName(inbound.address, inbound.port);
  const listener: ListenerView = {
    name,
    address: inbound.address,
    port: inbound.port,
    direction: "inbound",
    reusePort: false,
    ...(scope.transparent ? { bindToPort: false } : {}),
    ...(modeOf(context, callee) === "PERMISSIVE" ? { tlsInspector: true } : {}),
    tags: withoutTags(inbound.tags),
    chains: chains(scope, inbound, callee, protocol, cluster, name),
  };
  builder.listener(listener, () => listenerReasons(scope, callee, section, isHttp(protocol)));
}

function listenerReasons({ context, dataplane, tracing }: InboundScope, callee: Callee, section: string, http: boolean): Reasons {
  const ofHttp = (choices: PolicyChoice[]): PolicyChoice[] =>
    http ? choices : choices.flatMap(({ type }) => unchosen(context.resources(type), "wrongProtocol"));
  return {
    from: [refOf(dataplane, section), refOf(context.mesh, meshSection(context))],
    policies: [
      ...(context.mtls === "off" ? [] : [...callee.answer(mutualTls).account(), ...callee.answer(permission).account()]),
      ...callee.answer(inboundTimeouts).account(),
      ...callee.answer(inboundLogs).account(),
      ...ofHttp(callee.answer(inboundFaults).account()),
      ...ofHttp(callee.answer(inboundLimits).account()),
      ...(http ? (tracing?.choice() ?? []) : []),
    ],
  };
}

function chains(
  scope: InboundScope,
  inbound: InboundInterface,
  callee: Callee,
  protocol: Protocol,
  cluster: string,
  listener: string,
): FilterChainView[] {
  const { context } = scope;
  const filter = isHttp(protocol)
    ? httpFilter(scope, inbound, callee, protocol, cluster)
    : tcpFilter(scope, inbound, callee, cluster, scope.kafkaFilter && protocol === "kafka");
  if (context.mtls === "off") return [{ filter }];
  const secured: FilterChainView = {
    tls: downstreamTls(context, callee.answer(mutualTls).conf?.parameters),
    rbac: rbacView(context.name, callee.answer(permission).conf, listener, nobodyIsNamed(scope)),
    filter,
  };
  if (modeOf(context, callee) === "STRICT") return [secured];
  return [
    { match: { transportProtocol: "raw_buffer" }, filter },
    // TLS of the application's own. Who offers it says `tcp`: an inbound said to speak HTTP answers an error, as in Kuma.
    { match: { transportProtocol: "tls" }, filter },
    { match: { transportProtocol: "tls", applicationProtocols: [meshAlpn] }, ...secured },
  ];
}

const modeOf = ({ mtls }: MeshContext, callee: Callee): MeshContext["mtls"] =>
  mtls === "off" ? mtls : (callee.answer(mutualTls).conf?.mode ?? mtls);

/** True if no permission is for any inbound of the proxy: then each says so. */
const nobodyIsNamed = ({ policies, dataplane }: InboundScope): boolean =>
  inboundInterfaces(dataplane).every((one) => {
    const { conf } = inboundCallee(policies, one).answer(permission);
    return conf === undefined || conf.refuses === "requests";
  });

function httpFilter(scope: InboundScope, inbound: InboundInterface, callee: Callee, protocol: Protocol, cluster: string): HttpFilterView {
  const { builder, tracing } = scope;
  const service = inbound.tags[serviceTag] ?? "";
  const faults = callee.answer(inboundFaults).conf ?? [];
  const limits = callee.answer(inboundLimits).conf;
  const timeouts = callee.answer(inboundTimeouts).conf;
  const routes = limitedRoutes(limits, {
    match: { path: { prefix: "/" } },
    action: { type: "forward", clusters: [{ name: cluster, weight: 1 }] },
    timeoutMs: timeouts?.requestMs ?? 0,
    ...(timeouts?.streamIdleMs === undefined ? {} : { idleTimeoutMs: timeouts.streamIdleMs }),
  });
  for (const { route, policy } of routes) builder.because(route, () => ({ from: policy ? [refOf(policy)] : [], policies: [] }));
  return {
    type: "http",
    statPrefix: statName(cluster),
    routes: {
      inline: {
        name: inboundRouteName(service),
        requestHeadersToRemove: [kumaTagsHeader],
        virtualHosts: [{ name: service, domains: ["*"], routes: routes.map(({ route }) => route) }],
      },
    },
    forwardClientCertificate: true,
    ...optional("connectionLimit", limits?.connections),
    ...(faults.length > 0 ? { faults } : {}),
    ...(limits?.everybody || limits?.byCaller.length ? { localRateLimit: true } : {}),
    ...(protocol === "grpc" ? { grpcStats: true } : {}),
    // Where a policy says how long, it is the pool towards the workload that it is said of.
    idleTimeoutMs: timeouts ? 0 : idleTimeoutMs,
    streamIdleTimeoutMs,
    ...(timeouts?.requestHeadersMs === undefined ? {} : { requestHeadersTimeoutMs: timeouts.requestHeadersMs }),
    ...logs(scope, inbound, callee, "http"),
    ...(tracing ? { tracing: tracing.listener("inbound", service) } : {}),
  };
}

/** Who calls is not known here by its name. */
function logs({ context, dataplane, pipeFolder }: InboundScope, { tags }: InboundInterface, callee: Callee, kind: "http" | "network") {
  const lines = accessLogs(context, dataplane, callee.answer(inboundLogs).conf, {
    ...{ kind, direction: "INBOUND", sourceService: unknownService, destinationService: tags[serviceTag] ?? "", pipeFolder },
  });
  return lines.length > 0 ? { accessLogs: lines } : {};
}

const tcpFilter = (scope: InboundScope, inbound: InboundInterface, callee: Callee, cluster: string, kafka: boolean): TcpFilterView => ({
  type: "tcp",
  statPrefix: statName(cluster),
  clusters: [{ name: cluster, weight: 1 }],
  idleTimeoutMs: callee.answer(inboundTimeouts).conf?.idleMs ?? idleTimeoutMs,
  ...optional("connectionLimit", callee.answer(inboundLimits).conf?.connections),
  ...logs(scope, inbound, callee, "network"),
  ...(kafka ? { kafkaStatPrefix: statName(cluster) } : {}),
});

/** As in Kuma: of gRPC only the time to connect. */
function localClusterTimeouts(
  { connectMs, idleMs, maxStreamMs, maxConnectionMs }: InboundTimeouts,
  protocol: Protocol,
): Pick<ClusterView, "connectTimeoutMs" | "idleTimeoutMs" | "maxStreamDurationMs" | "maxConnectionDurationMs"> {
  const connectTimeoutMs = connectMs ?? localConnectTimeoutMs;
  if (!isHttp(protocol) || protocol === "grpc") return { connectTimeoutMs };
  return {
    connectTimeoutMs,
    ...(idleMs === undefined ? {} : { idleTimeoutMs: idleMs }),
    ...(maxStreamMs ? { maxStreamDurationMs: maxStreamMs } : {}),
    ...(maxConnectionMs ? { maxConnectionDurationMs: maxConnectionMs } : {}),
  };
}
