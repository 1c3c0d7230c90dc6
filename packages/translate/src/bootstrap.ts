import type { ProxyKind } from "@atoll/view";
import { adsServerCluster, grpcService, http2Options, serverValidationSecret } from "./bootstrap-transport.ts";
import type { TokenParams, XdsServerParams } from "./bootstrap-transport.ts";

export interface BootstrapParams {
  kind: ProxyKind;
  /** "" for zone proxies. */
  mesh: string;
  name: string;
  /** The service that names the proxy in Envoy's statistics; zone proxies are "ingress" and "egress". */
  cluster: string;
  server: XdsServerParams;
  token?: TokenParams;
  /** "delta" sends only what changed; "sotw" (state of the world) is for proxies that ask for it. */
  protocol?: "delta" | "sotw";
  admin: {
    port: number;
    /** Where Envoy's admin interface listens: 127.0.0.1 unless set. */
    address?: string;
    /** File that requests to it are logged to: /dev/null unless set. */
    accessLogPath?: string;
  };
  /** Written into the node's metadata as the proxy sent it. */
  node?: NodeParams;
  /** Ask the server for health checks of the application. */
  healthDiscovery?: boolean;
  /** Where the proxy's launcher collects access logs; absent = no cluster for it. */
  accessLogSocketPath?: string;
  /** Limits of a builtin gateway. */
  edgeLimits?: { maxDownstreamConnections?: number; maxHeapSizeBytes?: number };
}

export interface NodeParams {
  /** The Dataplane, ZoneIngress or ZoneEgress as JSON text, to be registered on connect. */
  resource?: string;
  version?: unknown;
  features?: readonly string[];
  workdir?: string;
  metricsCertPath?: string;
  metricsKeyPath?: string;
  systemCaPath?: string;
  ipv6Enabled?: boolean;
  dnsPort?: number;
  readinessPort?: number;
  appProbeProxyEnabled?: boolean;
  dynamicMetadata?: Record<string, string>;
}

/**
 * The bootstrap of one Envoy, as Envoy's JSON: who it is, how it reaches its xDS server, and nothing that the server can send.
 * Holds the proxy's token if it was given by value: never log it.
 */
export function buildBootstrap(params: BootstrapParams): Record<string, unknown> {
  const { server, token } = params;
  const service = grpcService(server, token);
  const byFile = token !== undefined && "tokenPath" in token;
  return {
    node: { id: `${params.mesh}.${params.name}`, cluster: params.cluster, metadata: nodeMetadata(params) },
    layeredRuntime: { layers: runtimeLayers(params.kind) },
    statsConfig: { statsTags },
    defaultRegexEngine: {
      name: "envoy.regex_engines.google_re2",
      typedConfig: { "@type": typeUrl("envoy.extensions.regex_engines.v3.GoogleRE2") },
    },
    admin: {
      address: { socketAddress: { address: params.admin.address ?? "127.0.0.1", portValue: params.admin.port } },
      accessLog: [
        {
          name: "envoy.access_loggers.file",
          typedConfig: {
            "@type": typeUrl("envoy.extensions.access_loggers.file.v3.FileAccessLog"),
            path: params.admin.accessLogPath ?? "/dev/null",
          },
        },
      ],
    },
    dynamicResources: {
      ldsConfig: overAds(),
      cdsConfig: overAds(),
      adsConfig: {
        apiType: params.protocol === "sotw" ? "GRPC" : "DELTA_GRPC",
        transportApiVersion: "V3",
        setNodeOnFirstMessageOnly: true,
        grpcServices: [service],
      },
    },
    staticResources: {
      clusters: [
        ...(params.accessLogSocketPath === undefined ? [] : [accessLogCluster(params.accessLogSocketPath)]),
        ...(byFile ? [] : [adsServerCluster(server)]),
      ],
      ...(!byFile && { secrets: [serverValidationSecret(server)] }),
    },
    ...(params.healthDiscovery && {
      hdsConfig: { apiType: "GRPC", transportApiVersion: "V3", setNodeOnFirstMessageOnly: true, grpcServices: [service] },
    }),
    ...(params.kind === "gateway" && { overloadManager: overloadManager(params.edgeLimits ?? {}) }),
  };
}

function typeUrl(name: string): string {
  return `type.googleapis.com/${name}`;
}

/** Everything comes over the one stream; without it the proxy has nothing to do, so it waits for it without limit. */
function overAds(): object {
  return { ads: {}, initialFetchTimeout: "0s", resourceApiVersion: "V3" };
}

/** Key names and text forms are those that control planes of this kind read. */
function nodeMetadata({ kind, admin, node = {} }: BootstrapParams): Record<string, unknown> {
  const proxyType = kind === "sidecar" || kind === "gateway" ? "dataplane" : kind;
  const entries: Record<string, unknown> = {
    version: node.version,
    features: node.features ?? [],
    workdir: node.workdir,
    metricsCertPath: node.metricsCertPath,
    metricsKeyPath: node.metricsKeyPath,
    systemCaPath: node.systemCaPath,
    ipv6Enabled: node.ipv6Enabled,
    "dataplane.proxyType": proxyType,
    "dataplane.resource": node.resource,
    "dataplane.admin.port": String(admin.port),
    "dataplane.admin.address": admin.address ?? "127.0.0.1",
    "dataplane.dns.port": node.dnsPort === undefined ? undefined : String(node.dnsPort),
    "dataplane.readinessReporter.port": node.readinessPort === undefined ? undefined : String(node.readinessPort),
    "dataplane.appProbeProxy.enabled": node.appProbeProxyEnabled ? "true" : undefined,
    dynamicMetadata: node.dynamicMetadata,
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined && value !== ""));
}

/** Runtime settings of every Envoy, and, for a gateway, where more come from. */
export function runtimeLayers(kind: ProxyKind): object[] {
  const own = { name: "kuma", staticLayer: { "re2.max_program_size.error_level": 4294967295, "re2.max_program_size.warn_level": 1000 } };
  if (kind !== "gateway") return [own];
  // The connection limits of a gateway's listeners can only be set as runtime values.
  const listeners = "gateway.listeners";
  return [own, { name: listeners, rtdsLayer: { name: listeners, rtdsConfig: { ads: {}, resourceApiVersion: "V3" } } }];
}

/** Parts of statistics' names that become labels, so that dashboards group by them. */
const statsTags = [
  { tagName: "name", regex: "^grpc\\.((.+)\\.)" },
  { tagName: "status", regex: "^grpc.*streams_closed(_([0-9]+))" },
  { tagName: "kafka_name", regex: "^kafka(\\.(\\S*[0-9]))\\." },
  { tagName: "kafka_type", regex: "^kafka\\..*\\.(.*?(?=_duration|$))" },
  { tagName: "worker", regex: "(worker_([0-9]+)\\.)" },
  { tagName: "listener", regex: "((.+?)\\.)rbac\\." },
];

function accessLogCluster(path: string): object {
  const name = "access_log_sink";
  return {
    name,
    type: "STATIC",
    connectTimeout: "5s",
    typedExtensionProtocolOptions: http2Options(),
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [{ endpoint: { address: { pipe: { path } } } }] }] },
  };
}

/** A gateway meets strangers: it refuses connections and requests before its memory ends. */
function overloadManager({ maxDownstreamConnections = 50_000, maxHeapSizeBytes = 0 }: NonNullable<BootstrapParams["edgeLimits"]>): object {
  const connections = {
    name: "envoy.resource_monitors.global_downstream_max_connections",
    typedConfig: {
      "@type": typeUrl("envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"),
      maxActiveDownstreamConnections: String(maxDownstreamConnections),
    },
  };
  if (maxHeapSizeBytes <= 0) return { refreshInterval: "0.250s", resourceMonitors: [connections] };
  const heap = "envoy.resource_monitors.fixed_heap";
  const action = (name: string, share: number) => ({ name, triggers: [{ name: heap, threshold: { value: share } }] });
  return {
    refreshInterval: "0.250s",
    resourceMonitors: [
      {
        name: heap,
        typedConfig: {
          "@type": typeUrl("envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"),
          maxHeapSizeBytes: String(maxHeapSizeBytes),
        },
      },
      connections,
    ],
    actions: [action("envoy.overload_actions.shrink_heap", 0.95), action("envoy.overload_actions.stop_accepting_requests", 0.98)],
  };
}
