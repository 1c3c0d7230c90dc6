import type { HealthCheckSpec } from "@atoll/resource";
import type { Protocol } from "../protocol.ts";
import type { ClusterView, HealthCheckView } from "../proxy-view.ts";
import { milliseconds } from "./timeout.ts";

/** Active health checks of a cluster. Without `tcp` or `http`: a connection alone is health. */
export function healthCheckView(
  conf: HealthCheckSpec["conf"] | undefined,
  protocol: Protocol,
): Pick<ClusterView, "healthCheck" | "healthyPanicThresholdPercent" | "failTrafficOnPanic"> {
  if (!conf) return {};
  const { http, tcp } = conf;
  const checker: HealthCheckView["checker"] = http
    ? {
        type: "http",
        path: http.path ?? "/",
        ...(protocol === "http2" ? { http2: true } : {}),
        ...(http.expectedStatuses?.length ? { expectedStatuses: http.expectedStatuses } : {}),
        ...(http.requestHeadersToAdd?.length
          ? {
              headers: http.requestHeadersToAdd.map(({ header, append }) => ({
                name: header?.key ?? "",
                value: header?.value ?? "",
                // Protobuf's default of the field this becomes.
                append: append ?? true,
              })),
            }
          : {}),
      }
    : { type: "tcp", ...(tcp?.send ? { send: tcp.send } : {}), ...(tcp?.receive?.length ? { receive: tcp.receive } : {}) };
  const optional = {
    initialJitterMs: milliseconds(conf.initialJitter),
    intervalJitterMs: milliseconds(conf.intervalJitter),
    intervalJitterPercent: conf.intervalJitterPercent,
    noTrafficIntervalMs: milliseconds(conf.noTrafficInterval),
    eventLogPath: conf.eventLogPath,
    alwaysLogFailures: conf.alwaysLogHealthCheckFailures,
    reuseConnection: conf.reuseConnection,
  };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    healthCheck: {
      timeoutMs: milliseconds(conf.timeout) ?? 0,
      intervalMs: milliseconds(conf.interval) ?? 0,
      unhealthyThreshold: conf.unhealthyThreshold ?? 1,
      healthyThreshold: conf.healthyThreshold ?? 1,
      ...(given as Partial<HealthCheckView>),
      checker,
    },
    ...(conf.healthyPanicThreshold === undefined ? {} : { healthyPanicThresholdPercent: conf.healthyPanicThreshold }),
    ...(conf.failTrafficOnPanic === undefined ? {} : { failTrafficOnPanic: conf.failTrafficOnPanic }),
  };
}
