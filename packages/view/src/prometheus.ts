import { permission, taggedCallee } from "@atoll/policy";
import type { ProxyPolicies } from "@atoll/policy";
import { dialAddress, loopbackBeside, meshPrometheusOf } from "@atoll/resource";
import type { MeshGatewaySpec, PrometheusConf, Resource } from "@atoll/resource";
import { inboundInterfaces } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import { metricsSocket } from "./launcher-sockets.ts";
import type { MeshContext } from "./mesh-context.ts";
import { clusterNames, downstreamTls } from "./mesh-tls.ts";
import { statName } from "./names.ts";
import { rbacView } from "./policies/traffic-permission.ts";
import type { ProxyMetadata } from "./proxy-ref.ts";
import type { ClusterView, FilterChainView, ListenerView } from "./proxy-view.ts";
import { refOf } from "./reasons.ts";
import type { ViewBuilder } from "./view-builder.ts";

const listenerName = "kuma:metrics:prometheus";
const clusterName = "kuma:metrics:hijacker";
const connectTimeoutMs = 5_000;
const defaultPort = 5670;
const defaultAdminPort = 9901;
const defaultPath = "/metrics";

/** What metrics of a proxy are told by. */
interface Source {
  dataplane: Dataplane;
  metadata: ProxyMetadata;
}

/**
 * Lets Prometheus read the proxy's metrics where the mesh's enabled backend says, over mutual TLS of the mesh unless the backend
 * says otherwise: then the TrafficPermission for the backend's tags decides who may. With `providedTLS` the listener shows the
 * certificate that the proxy was started with. Absent without a backend, where there is nothing to read, and where the port is taken.
 */
export function addPrometheus(
  builder: ViewBuilder,
  context: MeshContext,
  { dataplane, gateway }: ProxyPolicies,
  metadata: ProxyMetadata,
): void {
  const conf = meshPrometheusOf(context.mesh.spec, dataplane.spec);
  if (!conf) return;
  const port = conf.port || defaultPort;
  const cluster = metricsCluster({ dataplane, metadata }, clusterName);
  if (!cluster || takenPorts({ dataplane, metadata }, gateway).has(port)) return;
  const from = [refOf(context.mesh, "metrics"), refOf(dataplane)];
  builder.cluster(cluster, undefined, () => ({ from, policies: [] }));
  const mode = conf.tls?.mode ?? (conf.skipMTLS ? "disabled" : "activeMTLSBackend");
  const secured = context.mtls !== "off" && mode === "activeMTLSBackend";
  const tags = conf.tags ?? {};
  const allowed = taggedCallee(context, tags).answer(permission);
  const path = { path: conf.path || defaultPath, at: statsPath(conf, metadata.workDir === undefined ? "/stats/prometheus" : "/") };
  const tls = mode === "providedTLS" ? "files" : mode === "disabled" ? "disabled" : "mesh";
  const listener = metricsListener(context, { dataplane, metadata }, { name: listenerName, cluster: clusterName, port, tls, ...path });
  const guard = secured ? { rbac: rbacView(context.name, allowed.conf, listenerName, true) } : {};
  builder.listener({ ...listener, chains: listener.chains.map(({ filter, ...chain }) => ({ ...chain, ...guard, filter })) }, () => ({
    from,
    policies: secured ? allowed.account().map((choice) => ({ ...choice, destination: tags })) : [],
  }));
}

/**
 * Where metrics are read: the launcher, which adds those of applications; without one, Envoy itself. undefined where neither is known.
 */
export function metricsCluster({ dataplane, metadata }: Source, name: string): ClusterView | undefined {
  const { networking } = dataplane.spec;
  const adminPort = networking.admin?.port || metadata.adminPort;
  const { workDir } = metadata;
  if (workDir === undefined && !adminPort) return undefined;
  const endpoint =
    workDir === undefined
      ? { address: dialAddress(metadata.adminAddress ?? loopbackBeside(networking.address)), port: adminPort! }
      : { address: `unix://${metricsSocket(workDir, dataplane.name, dataplane.mesh)}`, port: 0 };
  return { ...clusterNames(name), discovery: { type: "static", endpoints: [endpoint] }, connectTimeoutMs, http: "http1" };
}

/** Ports of the proxy's own address that it has for something else. */
export function takenPorts({ dataplane, metadata }: Source, gateway: Resource<MeshGatewaySpec> | undefined): Set<number> {
  const { networking } = dataplane.spec;
  const inbounds = networking.gateway ? [] : inboundInterfaces(dataplane);
  const outbounds = (networking.outbound ?? []).map(({ address = "127.0.0.1", port }) => ({ address, port }));
  const own = [...inbounds, ...outbounds].filter(({ address }) => address === networking.address).map(({ port }) => port);
  const listeners = (gateway?.spec.conf.listeners ?? []).map(({ port }) => port);
  return new Set([...own, ...listeners, networking.admin?.port || metadata.adminPort || defaultAdminPort]);
}

/** Shows on a port of the proxy what the cluster tells at a path of its own. */
export function metricsListener(
  context: MeshContext,
  { dataplane, metadata }: Source,
  shown: { name: string; cluster: string; port: number; path: string; at: string; tls: "disabled" | "files" | "mesh" },
): ListenerView {
  const { name, cluster, port, path, at, tls } = shown;
  const filter: FilterChainView["filter"] = {
    type: "http",
    statPrefix: statName(name),
    routes: {
      inline: {
        name,
        virtualHosts: [
          {
            name,
            domains: ["*"],
            routes: [
              {
                match: { path: { exact: path } },
                action: { type: "forward", clusters: [{ name: cluster, weight: 1 }], path: { full: at } },
              },
            ],
          },
        ],
      },
    },
  };
  // Without files it is plain: the operator of the proxy, who has them, decides.
  const files = tls === "files" ? metadata.metricsTls : undefined;
  const secured = tls === "mesh" && context.mtls !== "off";
  const chain = secured ? { tls: downstreamTls(context) } : files ? { tls: { certificates: [], files } } : {};
  return { name, address: dataplane.spec.networking.address, port, direction: "inbound", chains: [{ ...chain, filter }] };
}

/** A page of metrics, cut down as the backend says. */
function statsPath({ envoy }: PrometheusConf, page: string): string {
  const query = [
    ...(envoy?.filterRegex ? [`filter=${encodeURIComponent(envoy.filterRegex)}`] : []),
    ...(envoy?.usedOnly ? ["usedonly"] : []),
  ];
  return query.length > 0 ? `${page}?${query.join("&")}` : page;
}
