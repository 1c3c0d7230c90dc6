import {
  gatewayFaults,
  gatewayPortCallee,
  gatewayTimeouts,
  inboundLogs,
  kumaTagsHeader,
  passedLogs,
  passThroughService,
  retries,
  silenced,
} from "@atoll/policy";
import type { Answer, Fault, GatewayCaller, HashPolicy, InboundTimeouts, LogTarget } from "@atoll/policy";
import { unknownService } from "@atoll/resource";
import { meshAlpn } from "../mesh-tls.ts";
import { allMeshCasSecret, gatewayListenerName, identitySecret, statName } from "../names.ts";
import { optional } from "../optional.ts";
import { accessLogs } from "../policies/access-log.ts";
import { connectionHash } from "../policies/load-balancing.ts";
import type { Reasons } from "../reasons.ts";
import type {
  DirectResponseView,
  DownstreamTlsView,
  FilterChainView,
  HttpFilterView,
  ListenerView,
  SecretView,
  TcpFilterView,
} from "../proxy-view.ts";
import { calledBackend } from "../routes/called.ts";
import { addGatewayCluster } from "./gateway-cluster.ts";
import { gatewayCertificate } from "./gateway-certificate.ts";
import { gatewayListenerReasons, hostReasons } from "./gateway-reasons.ts";
import { hostCaller } from "./gateway-scope.ts";
import type { GatewayScope } from "./gateway-scope.ts";
import { hostGroups } from "./host.ts";
import type { GatewayHost, GatewayRoute, HostGroup, TaggedListener } from "./host.ts";
import { anyHost } from "./hostname.ts";
import { isSteered, steeredGroups } from "./steered-hosts.ts";
import { tcpBackends } from "./route-entry.ts";
import { gatewayVirtualHost, someWeight } from "./virtual-host.ts";

const bufferLimitBytes = 32_768;
const requestHeadersTimeoutMs = 500;
const streamIdleTimeoutMs = 5_000;
const idleTimeoutMs = 5 * 60_000;
const serverName = "Kuma Gateway";
const httpsAlpn = ["h2", "http/1.1"];

/** Adds the Envoy listener of one port. What the port's listeners cannot differ in is taken from the first. */
export function addGatewayListener(
  scope: GatewayScope,
  listeners: readonly [TaggedListener, ...TaggedListener[]],
  routes: readonly GatewayRoute[],
): { name: string; secrets: SecretView[] } {
  const { context, builder, dataplane } = scope;
  const [first] = listeners;
  const protocol = first.protocol;
  const crossMesh = first.crossMesh === true;
  const name = gatewayListenerName(scope.gateway.name, protocol, first.port);
  if (crossMesh && context.mtls === "off") {
    builder.problem(
      `MeshGateway/${context.name}/${scope.gateway.name}`,
      `listener on port ${first.port} is crossMesh but the mesh has no mTLS`,
    );
    return { name, secrets: [] };
  }
  const groups = isSteered(scope.policies, protocol)
    ? steeredGroups(scope.policies, dataplane.spec.networking.address, listeners)
    : hostGroups(listeners, routes);
  const http = protocol === "HTTP" || protocol === "HTTPS";
  const callee = gatewayPortCallee(scope.policies, { address: dataplane.spec.networking.address, port: first.port });
  const said: PortPolicies = {
    logs: portLogs(scope, first),
    taken: callee.answer(inboundLogs),
    faults: portCaller(scope, first).towardsAll(gatewayFaults, []),
    timeouts: callee.answer(gatewayTimeouts),
  };
  const secrets: SecretView[] = [];
  const chains: FilterChainView[] = [];
  for (const group of crossMesh ? groups.slice(0, 1) : groups) {
    const secured = chainSecurity(scope, first, group, crossMesh);
    if (!secured) continue;
    const filter = http
      ? httpFilter(scope, said, routeName(name, protocol, group))
      : tcpFilter(scope, said, protocol === "TLS" ? [group] : groups, first.port);
    secrets.push(...secured.secrets);
    const chain: FilterChainView = { ...secured.chain, filter };
    chains.push(chain);
    if (!http) {
      const hosts = (protocol === "TLS" ? [group] : groups).flatMap((one) => one.hosts);
      builder.because(chain, () => tcpReasons(scope, hosts, first.port));
    }
    if (http) {
      builder.route({
        name: routeName(name, protocol, group),
        virtualHosts: group.hosts.map((host) => gatewayVirtualHost(scope, host, first.port, protocol === "HTTPS" || crossMesh)),
        requestHeadersToRemove: [kumaTagsHeader],
        ignorePortInHostMatching: true,
      });
    }
  }
  if (chains.length === 0) return { name, secrets: [] };
  const listener: ListenerView = {
    name,
    address: dataplane.spec.networking.address,
    port: first.port,
    direction: "inbound",
    reusePort: true,
    tlsInspector: true,
    perConnectionBufferLimitBytes: bufferLimitBytes,
    chains,
  };
  const logged = chains.some(({ filter }) => filter.type !== "directResponse" && filter.accessLogs !== undefined);
  builder.listener(listener, () =>
    gatewayListenerReasons(scope, listeners, [
      ...silenced([...said.logs.account(), ...said.taken.account()], !logged),
      ...said.timeouts.account(),
      ...said.faults.account(),
    ]),
  );
  return { name, secrets };
}

/** Routes of a chain that carries bytes, and the Retry policies that have a say there. */
function tcpReasons(scope: GatewayScope, hosts: readonly GatewayHost[], port: number): Reasons {
  const all = hosts.map((host) => {
    const { from, policies } = hostReasons(scope, host, port, "tcp");
    const destinations = tcpBackends(host, (ref) => calledBackend(scope.context, ref)).map(({ destination }) => destination);
    return {
      from,
      policies: [...policies, ...hostCaller(scope, host, port).towardsAll(retries, destinations).account()],
    };
  });
  return { from: all.flatMap(({ from }) => from), policies: all.flatMap(({ policies }) => policies) };
}

const routeName = (listener: string, protocol: string, group: HostGroup): string =>
  `${listener}:${protocol === "HTTPS" ? group.hostname : anyHost}`;

interface Security {
  chain: Pick<FilterChainView, "match" | "tls">;
  secrets: SecretView[];
}

/** What a connection must show to get to the chain, and what it is shown. undefined if the listener cannot be made. */
function chainSecurity(scope: GatewayScope, listener: TaggedListener, group: HostGroup, crossMesh: boolean): Security | undefined {
  const { context, builder, gateway } = scope;
  if (crossMesh) {
    const tls: DownstreamTlsView = { certificates: [identitySecret(context.name)], ca: allMeshCasSecret };
    return { chain: { match: { transportProtocol: "tls", applicationProtocols: [meshAlpn] }, tls }, secrets: [] };
  }
  if (listener.protocol !== "HTTPS" && listener.protocol !== "TLS") return { chain: {}, secrets: [] };
  const match: FilterChainView["match"] = {
    transportProtocol: "tls",
    ...(group.hostname === anyHost ? {} : { serverNames: [group.hostname] }),
  };
  if (group.tls?.mode === "PASSTHROUGH") return { chain: { match }, secrets: [] };
  const secrets = (group.tls?.certificates ?? []).flatMap((source) => gatewayCertificate(context, source, group.hostname) ?? []);
  if (group.tls?.mode !== "TERMINATE" || secrets.length === 0) {
    builder.problem(
      `MeshGateway/${context.name}/${gateway.name}`,
      `listener for ${group.hostname} on port ${listener.port} has no usable tls`,
    );
    return undefined;
  }
  const alpn = listener.protocol === "HTTPS" ? { alpn: httpsAlpn } : {};
  return { chain: { match, tls: { certificates: secrets.map((secret) => secret.name), ...alpn, minVersion: "TLSv1_2" } }, secrets };
}

/** What policies say of all that a port takes. */
interface PortPolicies {
  /** Of what is passed on, and of what comes in. */
  logs: Answer<LogTarget[]>;
  taken: Answer<LogTarget[]>;
  timeouts: Answer<InboundTimeouts>;
  faults: Answer<Fault[]>;
}

/** What is logged of all that a port passes on. */
const portLogs = (scope: GatewayScope, listener: TaggedListener): Answer<LogTarget[]> =>
  portCaller(scope, listener).towardsName(passedLogs, passThroughService);

const portCaller = (scope: GatewayScope, { port, effectiveTags }: TaggedListener): GatewayCaller =>
  hostCaller(scope, { hostname: anyHost, tags: effectiveTags, routes: [] }, port);

function written(scope: GatewayScope, { logs, taken }: PortPolicies, kind: "http" | "network") {
  const { context, dataplane, service, pipeFolder } = scope;
  const place = { kind, direction: "INBOUND" as const, pipeFolder };
  const lines = [
    ...accessLogs(context, dataplane, logs.conf, { ...place, sourceService: service, destinationService: "*" }),
    ...accessLogs(context, dataplane, taken.conf, { ...place, sourceService: unknownService, destinationService: service }),
  ];
  return lines.length > 0 ? { accessLogs: lines } : {};
}

const httpFilter = (scope: GatewayScope, said: PortPolicies, rds: string): HttpFilterView => ({
  type: "http",
  statPrefix: statName(scope.service),
  routes: { rds },
  edge: { serverName },
  localRateLimit: true,
  ...(scope.context.rules.gatewayFaults === "applied" && scope.context.has("FaultInjection") ? { routeFaults: true } : {}),
  ...(said.faults.conf?.length ? { faults: said.faults.conf } : {}),
  compress: true,
  idleTimeoutMs: said.timeouts.conf?.idleMs ?? idleTimeoutMs,
  streamIdleTimeoutMs: said.timeouts.conf?.streamIdleMs ?? streamIdleTimeoutMs,
  requestHeadersTimeoutMs: said.timeouts.conf?.requestHeadersMs ?? requestHeadersTimeoutMs,
  ...optional("requestTimeoutMs", said.timeouts.conf?.requestMs),
  ...written(scope, said, "http"),
  ...(scope.tracing ? { tracing: { ...scope.tracing.listener("inbound", scope.service), spawnUpstreamSpan: true } } : {}),
});

/** All routes of the groups in one. Without a backend connections are taken and closed: Envoy refuses a TCP proxy without a cluster. */
function tcpFilter(
  scope: GatewayScope,
  said: PortPolicies,
  groups: readonly HostGroup[],
  port: number,
): TcpFilterView | DirectResponseView {
  const weights = new Map<string, number>();
  let maxConnectAttempts: number | undefined;
  let hashPolicy: HashPolicy | undefined;
  for (const host of groups.flatMap((group) => group.hosts)) {
    const caller = hostCaller(scope, host, port);
    const backends = tcpBackends(host, (ref) => calledBackend(scope.context, ref));
    for (const backend of backends) {
      const { name, hashPolicies } = addGatewayCluster(scope, host, caller, backend, "tcp");
      hashPolicy ??= connectionHash(hashPolicies);
      weights.set(name, (weights.get(name) ?? 0) + backend.weight);
    }
    const { conf } = caller.towardsAll(
      retries,
      backends.map(({ destination }) => destination),
    );
    maxConnectAttempts ??= conf?.maxConnectAttempts;
  }
  const clusters = someWeight([...weights].map(([name, weight]) => ({ name, weight })))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (clusters.length === 0) return { type: "directResponse", body: "" };
  return {
    type: "tcp",
    statPrefix: statName(scope.service),
    clusters,
    ...(said.timeouts.conf ? { idleTimeoutMs: said.timeouts.conf.idleMs ?? idleTimeoutMs } : {}),
    ...optional("maxConnectAttempts", maxConnectAttempts),
    ...optional("hashPolicy", hashPolicy),
    ...written(scope, said, "network"),
  };
}
