import { tracing as tracingOf } from "@atoll/policy";
import type { PolicyChoice, ProxyPolicies, Tracing as TracingConf } from "@atoll/policy";
import type { MeshContext } from "../mesh-context.ts";
import type { ClusterView, TracingView } from "../proxy-view.ts";
import { optional } from "../optional.ts";
import { refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import { collectorDiscovery } from "./collector.ts";
import { defaultConnectTimeoutMs } from "./timeout.ts";

/** The tracing of one proxy: where spans go, and what a listener says of itself. */
export interface Tracing {
  cluster: ClusterView;
  listener: (direction: "inbound" | "outbound", service: string, destination?: string) => TracingView;
  /** How its policy was chosen. */
  choice: () => PolicyChoice[];
  reasons: () => Reasons;
}

/** undefined where no policy says anything, or nothing that can be done. */
export function tracing(context: MeshContext, policies: ProxyPolicies): Tracing | undefined {
  const { conf, account } = policies.answer(tracingOf);
  if (!conf) return undefined;
  const { cluster, collector, samplingPercent, clientSamplingPercent, randomSamplingPercent, tags } = conf;
  return {
    cluster: {
      name: cluster,
      discovery: collectorDiscovery(collector),
      connectTimeoutMs: defaultConnectTimeoutMs,
      ...(conf.provider.type === "openTelemetry" ? { http: "http2" } : {}),
    },
    listener: (direction, service, destination) => ({
      cluster,
      serviceName: service,
      samplingPercent,
      ...optional("clientSamplingPercent", clientSamplingPercent),
      ...optional("randomSamplingPercent", randomSamplingPercent),
      ...optional("tags", tags),
      direction,
      provider: provider(conf, direction, service, destination),
    }),
    choice: account,
    reasons: () => ({ from: [refOf(context.mesh, cluster.replace(":", " backend "))], policies: account() }),
  };
}

function provider(
  { provider: conf }: TracingConf,
  direction: "inbound" | "outbound",
  service: string,
  destination: string | undefined,
): TracingView["provider"] {
  if (conf.type === "zipkin") return conf;
  if (conf.type === "openTelemetry") return { type: "openTelemetry", serviceName: service };
  const parts = [service, direction.toUpperCase(), ...(direction === "outbound" && destination ? [destination] : [])];
  return { type: "datadog", serviceName: conf.splitService ? parts.join("_") : service };
}
