import type { HealthCheckSpec, Resource } from "@atoll/resource";
import type { Question } from "../ask/question.ts";
import { milliseconds } from "../milliseconds.ts";

/** How an instance is asked whether it is well. */
export interface Probe {
  timeoutMs: number;
  intervalMs: number;
  unhealthyThreshold: number;
  healthyThreshold: number;
  initialJitterMs?: number;
  intervalJitterMs?: number;
  intervalJitterPercent?: number;
  noTrafficIntervalMs?: number;
  eventLogPath?: string;
  alwaysLogFailures?: boolean;
  reuseConnection?: boolean;
  /** By the way the destination is spoken to: the first that is there. A connection alone is health where there is none. */
  http?: HttpProbe;
  /** `send` and `receive` are base64. */
  tcp?: { send?: string; receive?: string[] };
}

export interface HttpProbe {
  path: string;
  expectedStatuses?: number[];
  headers?: { name: string; value: string; append: boolean }[];
}

export interface HealthChecking {
  probes: Probe[];
  /** 0 switches panic mode off. */
  healthyPanicThresholdPercent?: number;
  failTrafficOnPanic?: boolean;
}

/** Without `tcp` or `http`: a connection alone is health. */
function fromHealthCheck({ spec }: Resource<HealthCheckSpec>): HealthChecking {
  const { conf } = spec;
  const { http, tcp } = conf;
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
  const probe: Probe = {
    timeoutMs: milliseconds(conf.timeout) ?? 0,
    intervalMs: milliseconds(conf.interval) ?? 0,
    unhealthyThreshold: conf.unhealthyThreshold ?? 1,
    healthyThreshold: conf.healthyThreshold ?? 1,
    ...(given as Partial<Probe>),
    ...(http ? { http: httpProbe(http) } : {}),
    ...(!http && tcp ? { tcp: { ...(tcp.send ? { send: tcp.send } : {}), ...(tcp.receive?.length ? { receive: tcp.receive } : {}) } } : {}),
  };
  return {
    probes: [probe],
    ...(conf.healthyPanicThreshold === undefined ? {} : { healthyPanicThresholdPercent: conf.healthyPanicThreshold }),
    ...(conf.failTrafficOnPanic === undefined ? {} : { failTrafficOnPanic: conf.failTrafficOnPanic }),
  };
}

const httpProbe = (http: NonNullable<HealthCheckSpec["conf"]["http"]>): HttpProbe => ({
  path: http.path ?? "/",
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
});

/** Active health checks of a destination. */
export const healthChecking: Question<HealthChecking> = {
  legacy: { type: "HealthCheck", conf: fromHealthCheck },
};
