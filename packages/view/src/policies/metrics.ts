import { metricLabels, metrics as metricsOf } from "@atoll/policy";
import type { Metrics, ProxyPolicies } from "@atoll/policy";
import { formatGoDuration } from "@atoll/resource";
import { collectorSocket, metricsConfigSocket } from "../launcher-sockets.ts";
import type { MeshContext } from "../mesh-context.ts";
import { clusterNames } from "../mesh-tls.ts";
import { statName } from "../names.ts";
import { addPrometheus, metricsCluster, metricsListener, takenPorts } from "../prometheus.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { ListenerView, RouteView } from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { collectorDiscovery } from "./collector.ts";
import { defaultConnectTimeoutMs } from "./timeout.ts";

const sourceName = "_kuma:metrics:hijacker";
const configName = "_kuma:dynamicconfig:observability";
const anyClient = "default-backend";
/** Of the launcher, and of an Envoy that has none. */
const launcherPage = "/meshmetric";
const envoyPage = "/stats/prometheus";

/**
 * Metrics of a proxy: a listener for each Prometheus, one on a socket for each collector that the launcher sends to, and one that tells
 * the launcher what to tell whom. Without a policy, as the mesh itself says.
 */
export function addMetrics(builder: ViewBuilder, context: MeshContext, policies: ProxyPolicies, metadata: ProxyMetadata): void {
  const { dataplane } = policies;
  const { conf, account } = policies.answer(metricsOf);
  if (!conf) return addPrometheus(builder, context, policies, metadata);
  const reasons = (): Reasons => ({ from: [refOf(dataplane)], policies: account() });
  addScraped(builder, context, policies, metadata, conf, reasons);
  const { workDir } = metadata;
  if (workDir === undefined) return;
  for (const { to, name } of conf.pushed) {
    const both = `_kuma:metrics:opentelemetry:${name}`;
    builder.cluster(
      { ...clusterNames(both), discovery: collectorDiscovery(to), connectTimeoutMs: defaultConnectTimeoutMs, http: "http2" },
      undefined,
      reasons,
    );
    const route: RouteView = { match: { path: { prefix: "/" } }, action: { type: "forward", clusters: [{ name: both, weight: 1 }] } };
    builder.listener(socketListener(both, collectorSocket(workDir, name), route, true), reasons);
  }
  const body = JSON.stringify(launcherConf(conf, metricLabels(dataplane.spec, policies.gateway?.name), workDir));
  const route: RouteView = { match: { path: { prefix: "/" } }, action: { type: "directResponse", status: 200, body } };
  builder.listener(socketListener(configName, metricsConfigSocket(workDir), route), reasons);
}

function addScraped(
  builder: ViewBuilder,
  context: MeshContext,
  { dataplane, gateway }: ProxyPolicies,
  metadata: ProxyMetadata,
  { scraped, sidecar }: Metrics,
  reasons: () => Reasons,
): void {
  const source = { dataplane, metadata };
  const cluster = metricsCluster(source, sourceName);
  if (!cluster || scraped.length === 0) return;
  builder.cluster(cluster, undefined, reasons);
  const everything = (sidecar as { includeUnused?: boolean } | undefined)?.includeUnused === true;
  const at = metadata.workDir !== undefined ? launcherPage : everything ? envoyPage : `${envoyPage}?usedonly`;
  // Envoy takes a port once, and of two backends for one Prometheus the later one is the stronger.
  const taken = takenPorts(source, gateway);
  const named = new Map(scraped.map(({ client = anyClient, ...backend }) => [client, backend]));
  for (const [client, { port, path, tls }] of named) {
    if (taken.has(port)) {
      builder.problem(`Dataplane/${dataplane.mesh}/${dataplane.name}`, `no metrics for ${client}: port ${port} is taken`);
      continue;
    }
    taken.add(port);
    const name = `_kuma:metrics:prometheus:${client}`;
    builder.listener(metricsListener(context, source, { name, cluster: sourceName, port, path, at, tls }), reasons);
  }
}

/** A listener for the launcher alone. */
const socketListener = (name: string, path: string, route: RouteView, grpcStats = false): ListenerView => ({
  name,
  address: `unix://${path}`,
  port: 0,
  direction: "unspecified",
  chains: [
    {
      filter: {
        type: "http",
        statPrefix: statName(name),
        routes: { inline: { name, virtualHosts: [{ name, domains: ["*"], routes: [route] }] } },
        ...(grpcStats ? { grpcStats } : {}),
      },
    },
  ],
});

/** What the launcher is told, in the form that kuma-dp reads. */
function launcherConf({ scraped, pushed, applications, sidecar }: Metrics, extraLabels: Record<string, string>, folder: string): object {
  const backends = [
    ...(scraped.length > 0 ? [{ type: "Prometheus", name: null }] : []),
    ...pushed.map(({ name, intervalMs }) => ({
      type: "OpenTelemetry",
      name,
      openTelemetry: { endpoint: collectorSocket(folder, name), refreshInterval: formatGoDuration(BigInt(intervalMs) * 1_000_000n) },
    })),
  ];
  return {
    observability: {
      metrics: { applications: applications.length > 0 ? applications : null, backends, ...(sidecar && { sidecar }), extraLabels },
    },
  };
}
