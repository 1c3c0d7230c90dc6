import { permission, taggedCallee } from "@atoll/policy";
import { dialAddress, loopbackBeside } from "@atoll/resource";
import type { MetricsBackend, PrometheusConf } from "@atoll/resource";
import { inboundInterfaces } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import type { MeshContext } from "./mesh-context.ts";
import { downstreamTls } from "./mesh-tls.ts";
import { statName } from "./names.ts";
import { rbacView } from "./policies/traffic-permission.ts";
import type { ProxyMetadata } from "./proxy-ref.ts";
import type { FilterChainView } from "./proxy-view.ts";
import { refOf } from "./reasons.ts";
import type { ViewBuilder } from "./view-builder.ts";

const listenerName = "kuma:metrics:prometheus";
const clusterName = "kuma:metrics:hijacker";
const connectTimeoutMs = 5_000;
const defaultPort = 5670;
const defaultPath = "/metrics";

/**
 * Lets Prometheus read the proxy's metrics where the mesh's enabled backend says, over mutual TLS of the mesh unless the backend
 * says otherwise: then the TrafficPermission for the backend's tags decides who may. With `providedTLS` the listener shows the
 * certificate that the proxy was started with. Absent without a backend, while the admin port
 * is unknown, and where the port is already an inbound's.
 */
export function addPrometheus(builder: ViewBuilder, context: MeshContext, dataplane: Dataplane, metadata: ProxyMetadata): void {
  const conf = prometheusConf(context, dataplane);
  const { networking } = dataplane.spec;
  const adminPort = networking.admin?.port || metadata.adminPort;
  if (!conf || !adminPort) return;
  const port = conf.port || defaultPort;
  const taken = (networking.gateway ? [] : inboundInterfaces(dataplane)).some(
    (inbound) => inbound.port === port && inbound.address === networking.address,
  );
  if (taken) return;
  const from = [refOf(context.mesh, "metrics"), refOf(dataplane)];
  builder.cluster(
    {
      name: clusterName,
      altStatName: statName(clusterName),
      discovery: {
        type: "static",
        endpoints: [{ address: dialAddress(metadata.adminAddress ?? loopbackBeside(networking.address)), port: adminPort }],
      },
      connectTimeoutMs,
      http: "http1",
    },
    undefined,
    () => ({ from, policies: [] }),
  );
  const path = conf.path || defaultPath;
  const filter: FilterChainView["filter"] = {
    type: "http",
    statPrefix: statName(listenerName),
    routes: {
      inline: {
        name: listenerName,
        virtualHosts: [
          {
            name: listenerName,
            domains: ["*"],
            routes: [
              {
                match: { path: { exact: path } },
                action: { type: "forward", clusters: [{ name: clusterName, weight: 1 }], path: { full: statsPath(conf) } },
              },
            ],
          },
        ],
      },
    },
  };
  const mode = conf.tls?.mode ?? (conf.skipMTLS ? "disabled" : "activeMTLSBackend");
  const secured = context.mtls !== "off" && mode === "activeMTLSBackend";
  // Without files it is plain: the operator of the proxy, who has them, decides.
  const files = mode === "providedTLS" ? metadata.metricsTls : undefined;
  const tags = conf.tags ?? {};
  const allowed = taggedCallee(context, tags).answer(permission);
  builder.listener(
    {
      name: listenerName,
      address: networking.address,
      port,
      direction: "inbound",
      chains: [
        secured
          ? { tls: downstreamTls(context), rbac: rbacView(context.name, allowed.conf, listenerName, true), filter }
          : { ...(files && { tls: { certificates: [], files } }), filter },
      ],
    },
    () => ({ from, policies: secured ? allowed.account().map((choice) => ({ ...choice, destination: tags })) : [] }),
  );
}

/** The mesh's conf with what the dataplane says otherwise. */
function prometheusConf(context: MeshContext, dataplane: Dataplane): PrometheusConf | undefined {
  const { metrics } = context.mesh.spec;
  const backend = metrics?.backends?.find((one) => one.name === metrics.enabledBackend);
  if (backend?.type !== "prometheus") return undefined;
  const own = dataplane.spec.metrics as MetricsBackend | undefined;
  return { ...(backend.conf as PrometheusConf), ...(own?.type === "prometheus" ? (own.conf as PrometheusConf) : {}) };
}

/** Envoy's own page, cut down as the backend says. */
function statsPath({ envoy }: PrometheusConf): string {
  const query = [
    ...(envoy?.filterRegex ? [`filter=${encodeURIComponent(envoy.filterRegex)}`] : []),
    ...(envoy?.usedOnly ? ["usedonly"] : []),
  ];
  return query.length > 0 ? `/stats/prometheus?${query.join("&")}` : "/stats/prometheus";
}
