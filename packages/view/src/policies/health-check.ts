import type { HealthChecking, Probe } from "@atoll/policy";
import type { Protocol } from "../protocol.ts";
import type { ClusterView, HealthCheckView } from "../proxy-view.ts";

/** Active health checks of a cluster. */
export function healthCheckView(
  checking: HealthChecking | undefined,
  protocol: Protocol,
): Pick<ClusterView, "healthCheck" | "healthyPanicThresholdPercent" | "failTrafficOnPanic"> {
  if (!checking) return {};
  const { probes, ...panic } = checking;
  return { healthCheck: probeView(probes[0]!, protocol), ...panic };
}

function probeView({ http, tcp, ...common }: Probe, protocol: Protocol): HealthCheckView {
  if (!http) return { ...common, checker: { type: "tcp", ...tcp } };
  return { ...common, checker: { type: "http", ...http, ...(protocol === "http2" ? { http2: true } : {}) } };
}
