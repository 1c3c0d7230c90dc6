import { healthChecking } from "@atoll/policy";
import type { HealthChecking, Probe, Question } from "@atoll/policy";
import { isHttp } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type { ClusterView, HealthCheckView } from "../proxy-view.ts";

/** What to ask for a destination of a protocol. */
export const healthCheckingOf = (protocol: Protocol): Question<HealthChecking> =>
  protocol === "grpc" ? healthChecking.grpc : isHttp(protocol) ? healthChecking.http : healthChecking.tcp;

/** Active health checks of a cluster. */
export function healthCheckView(
  checking: HealthChecking | undefined,
  protocol: Protocol,
): Pick<ClusterView, "healthCheck" | "healthyPanicThresholdPercent" | "failTrafficOnPanic"> {
  if (!checking) return {};
  const { probe, ...panic } = checking;
  return { healthCheck: probeView(probe, protocol), ...panic };
}

function probeView({ http, grpc, tcp, ...common }: Probe, protocol: Protocol): HealthCheckView {
  if (grpc) return { ...common, checker: { type: "grpc", ...grpc } };
  if (!http) return { ...common, checker: { type: "tcp", ...tcp } };
  return { ...common, checker: { type: "http", ...http, ...(protocol === "http2" ? { http2: true } : {}) } };
}
