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
  /** A connection alone is health where there is none of these. */
  http?: HttpProbe;
  grpc?: { serviceName?: string; authority?: string };
  /** `send` and `receive` are base64. */
  tcp?: { send?: string; receive?: string[] };
}

export interface HttpProbe {
  path: string;
  expectedStatuses?: number[];
  headers?: { name: string; value: string; append: boolean }[];
  /** Requests say who asks, as those of its workload do. */
  tellsCaller?: true;
}

export interface HealthChecking {
  /** Absent: instances are not asked. */
  probe?: Probe;
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
    probe,
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

interface MeshHealthCheckConf {
  interval?: string;
  timeout?: string;
  unhealthyThreshold?: number;
  healthyThreshold?: number;
  initialJitter?: string;
  intervalJitter?: string;
  intervalJitterPercent?: number;
  healthyPanicThreshold?: number | string;
  failTrafficOnPanic?: boolean;
  noTrafficInterval?: string;
  eventLogPath?: string;
  alwaysLogHealthCheckFailures?: boolean;
  reuseConnection?: boolean;
  tcp?: { disabled?: boolean; send?: string; receive?: string[] };
  http?: {
    disabled?: boolean;
    path?: string;
    requestHeadersToAdd?: { set?: { name: string; value: string }[]; add?: { name: string; value: string }[] };
    expectedStatuses?: number[];
  };
  grpc?: { disabled?: boolean; serviceName?: string; authority?: string };
}

/** What a MeshHealthCheck means where it does not say it. Source: kuma.io/docs, MeshHealthCheck. */
const defaults = { intervalMs: 60_000, timeoutMs: 15_000, unhealthyThreshold: 5, healthyThreshold: 1 };

function fromMeshHealthCheck(conf: MeshHealthCheckConf, kind: keyof typeof healthChecking): HealthChecking {
  const optional = {
    intervalMs: milliseconds(conf.interval),
    timeoutMs: milliseconds(conf.timeout),
    unhealthyThreshold: conf.unhealthyThreshold,
    healthyThreshold: conf.healthyThreshold,
    initialJitterMs: milliseconds(conf.initialJitter),
    intervalJitterMs: milliseconds(conf.intervalJitter),
    intervalJitterPercent: conf.intervalJitterPercent,
    noTrafficIntervalMs: milliseconds(conf.noTrafficInterval),
    eventLogPath: conf.eventLogPath,
    alwaysLogFailures: conf.alwaysLogHealthCheckFailures,
    reuseConnection: conf.reuseConnection,
  };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<Probe>;
  const panic = conf.healthyPanicThreshold;
  const asked = checker(conf, kind);
  return {
    ...(asked ? { probe: { ...defaults, ...given, ...asked } } : {}),
    ...(panic === undefined ? {} : { healthyPanicThresholdPercent: Number(panic) }),
    ...(conf.failTrafficOnPanic === undefined ? {} : { failTrafficOnPanic: conf.failTrafficOnPanic }),
  };
}

/**
 * The check of the protocol that the destination speaks; that of TCP where that one is switched off. None where the policy has no check
 * for the protocol: what it says is for other destinations.
 */
function checker(
  { http, grpc, tcp }: MeshHealthCheckConf,
  kind: keyof typeof healthChecking,
): Pick<Probe, "http" | "grpc" | "tcp"> | undefined {
  if (kind === "http" && http && !http.disabled) {
    const { path = "/", expectedStatuses, requestHeadersToAdd: { set = [], add = [] } = {} } = http;
    const headers = [...set.map((one) => ({ ...one, append: false })), ...add.map((one) => ({ ...one, append: true }))];
    return {
      http: { path, ...(expectedStatuses?.length ? { expectedStatuses } : {}), ...(headers.length ? { headers } : {}), tellsCaller: true },
    };
  }
  if (kind === "grpc" && grpc && !grpc.disabled) {
    const { serviceName, authority } = grpc;
    return { grpc: { ...(serviceName ? { serviceName } : {}), ...(authority ? { authority } : {}) } };
  }
  const isForTcp = kind === "tcp" || (kind === "http" ? http?.disabled : grpc?.disabled);
  if (!isForTcp || !tcp || tcp.disabled) return undefined;
  return { tcp: { ...(tcp.send ? { send: tcp.send } : {}), ...(tcp.receive?.length ? { receive: tcp.receive } : {}) } };
}

/** Envoy takes one check for a cluster: the one of the policy with a targetRef. */
const checking = (kind: "tcp" | "http" | "grpc"): Question<HealthChecking> => ({
  legacy: { type: "HealthCheck", conf: fromHealthCheck },
  targeted: { type: "MeshHealthCheck", conf: (conf: MeshHealthCheckConf) => fromMeshHealthCheck(conf, kind) },
});

/** Active health checks of a destination that speaks plain TCP, HTTP or gRPC. */
export const healthChecking = { tcp: checking("tcp"), http: checking("http"), grpc: checking("grpc") };
