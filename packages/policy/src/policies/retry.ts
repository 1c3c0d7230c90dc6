import type { Resource, RetrySpec } from "@atoll/resource";
import type { Question } from "../ask/question.ts";
import { milliseconds } from "../milliseconds.ts";
import type { Tags } from "../selector.ts";

/** Retries of requests, as Envoy counts and names them. */
export interface RequestRetries {
  /** Envoy's comma-separated retry_on. */
  retryOn: string;
  numRetries?: number;
  perTryTimeoutMs?: number;
  backOff?: { baseIntervalMs: number; maxIntervalMs?: number };
  retriableStatusCodes?: number[];
  retriableMethods?: string[];
  /** Of requests that may be tried again at all. */
  retriableRequestHeaders?: HeaderMatch[];
  /** Of answers after which the request is tried again. */
  retriableResponseHeaders?: HeaderMatch[];
  /** How long to wait where the answer says when to come back. */
  rateLimitedBackOff?: { resetHeaders: { name: string; format: "SECONDS" | "UNIX_TIMESTAMP" }[]; maxIntervalMs?: number };
  /** Instances that are not tried again: those that were tried, those with tags. */
  omitHosts?: ({ previous: true } | { tags: Tags })[];
  /** Priorities of endpoints that were tried are left out; after so many tries they are counted anew. */
  omitPreviousPriorities?: number;
  hostSelectionMaxAttempts?: number;
}

/** A condition on a header. */
export type HeaderMatch = { name: string } & ({ exact: string } | { prefix: string } | { regex: string } | { present: boolean });

/** Retries towards a destination; of requests only where the service speaks exactly http or grpc. */
export interface Retries {
  http?: RequestRetries;
  grpc?: RequestRetries;
  /** Attempts to connect, the first among them. */
  maxConnectAttempts?: number;
}

type RetryConf = RetrySpec["conf"];
type BackOff = NonNullable<NonNullable<RetryConf["http"]>["backOff"]>;

const httpDefault = ["gateway-error", "connect-failure", "refused-stream"];
const grpcDefault = ["cancelled", "connect-failure", "gateway-error", "refused-stream", "reset", "resource-exhausted", "unavailable"];

const conditions = (names: readonly string[] | undefined, otherwise: string[]): string[] =>
  names?.length ? names.map((name) => (name === "all_5xx" ? "5xx" : name.replaceAll("_", "-"))) : [...otherwise];

function backOff(conf: BackOff | undefined): Pick<RequestRetries, "backOff"> {
  const baseIntervalMs = milliseconds(conf?.baseInterval);
  if (!baseIntervalMs) return {};
  const maxIntervalMs = milliseconds(conf?.maxInterval);
  return { backOff: { baseIntervalMs, ...(maxIntervalMs ? { maxIntervalMs } : {}) } };
}

function fromRetry({ spec }: Resource<RetrySpec>): Retries {
  const { http, grpc, tcp } = spec.conf;
  return {
    ...(http ? { http: requests(http, httpDefault) } : {}),
    ...(grpc ? { grpc: requests(grpc, grpcDefault) } : {}),
    ...(tcp?.maxConnectAttempts === undefined ? {} : { maxConnectAttempts: tcp.maxConnectAttempts }),
  };
}

function requests(conf: NonNullable<RetryConf["http"]> | NonNullable<RetryConf["grpc"]>, otherwise: string[]): RequestRetries {
  const retryOn = conditions(conf.retryOn, otherwise);
  const { retriableStatusCodes: codes = [], retriableMethods = [] } = conf as NonNullable<RetryConf["http"]>;
  if (codes.length > 0 && !retryOn.includes("retriable-status-codes")) retryOn.push("retriable-status-codes");
  const perTryTimeoutMs = milliseconds(conf.perTryTimeout);
  return {
    retryOn: retryOn.join(","),
    ...(conf.numRetries === undefined ? {} : { numRetries: conf.numRetries }),
    ...(perTryTimeoutMs ? { perTryTimeoutMs } : {}),
    ...backOff(conf.backOff),
    ...(codes.length > 0 ? { retriableStatusCodes: codes } : {}),
    ...(retriableMethods.length ? { retriableMethods } : {}),
  };
}

interface MeshRetryBackOff {
  baseInterval?: string;
  maxInterval?: string;
}

interface MeshRetryRequests {
  numRetries?: number;
  perTryTimeout?: string;
  backOff?: MeshRetryBackOff;
  rateLimitedBackOff?: { resetHeaders?: { name: string; format: "Seconds" | "UnixTimestamp" }[]; maxInterval?: string };
  retryOn?: string[];
}

interface MeshRetryHttp extends MeshRetryRequests {
  retriableRequestHeaders?: MeshHeaderMatch[];
  retriableResponseHeaders?: MeshHeaderMatch[];
  hostSelection?: { predicate: string; tags?: Tags; updateFrequency?: number }[];
  hostSelectionMaxAttempts?: number;
}

interface MeshHeaderMatch {
  name: string;
  type?: "Exact" | "Present" | "RegularExpression" | "Absent" | "Prefix";
  value?: string;
}

interface MeshRetryConf {
  tcp?: { maxConnectAttempt?: number };
  http?: MeshRetryHttp;
  grpc?: MeshRetryRequests;
}

const grpcBaseIntervalMs = 25;
const methodPrefix = "HttpMethod";
const conditionNames: Readonly<Record<string, string>> = {
  "5xx": "5xx",
  GatewayError: "gateway-error",
  Reset: "reset",
  Retriable4xx: "retriable-4xx",
  ConnectFailure: "connect-failure",
  EnvoyRatelimited: "envoy-ratelimited",
  RefusedStream: "refused-stream",
  Http3PostConnectFailure: "http3-post-connect-failure",
  Canceled: "cancelled",
  DeadlineExceeded: "deadline-exceeded",
  Internal: "internal",
  ResourceExhausted: "resource-exhausted",
  Unavailable: "unavailable",
};

function fromMeshRetry({ http, grpc, tcp }: MeshRetryConf): Retries {
  return {
    ...(http && http.numRetries !== 0 ? { http: { ...meshRequests(http, httpDefault, 0), ...httpAlone(http) } } : {}),
    ...(grpc && grpc.numRetries !== 0 ? { grpc: meshRequests(grpc, grpcDefault, grpcBaseIntervalMs) } : {}),
    ...(tcp?.maxConnectAttempt === undefined ? {} : { maxConnectAttempts: tcp.maxConnectAttempt }),
  };
}

function meshRequests(conf: MeshRetryRequests, otherwise: readonly string[], defaultBaseMs: number): RequestRetries {
  const written = conf.retryOn ?? [];
  const codes = written.filter((one) => /^\d+$/.test(one)).map(Number);
  const methods = written.filter((one) => one.startsWith(methodPrefix)).map((one) => one.slice(methodPrefix.length).toUpperCase());
  const named = written.flatMap((one) => conditionNames[one] ?? []);
  const retryOn = named.length > 0 ? named : [...otherwise];
  if (codes.length > 0) retryOn.push("retriable-status-codes");
  const perTryTimeoutMs = milliseconds(conf.perTryTimeout);
  return {
    retryOn: retryOn.join(","),
    ...(conf.numRetries === undefined ? {} : { numRetries: conf.numRetries }),
    ...(perTryTimeoutMs === undefined ? {} : { perTryTimeoutMs }),
    ...meshBackOff(conf.backOff, defaultBaseMs),
    ...(conf.rateLimitedBackOff ? { rateLimitedBackOff: limitedBackOff(conf.rateLimitedBackOff) } : {}),
    ...(codes.length > 0 ? { retriableStatusCodes: codes } : {}),
    ...(methods.length > 0 ? { retriableMethods: methods } : {}),
  };
}

/** Envoy refuses a back-off without a base; one that is not written is Envoy's own. */
function meshBackOff(conf: MeshRetryBackOff | undefined, defaultBaseMs: number): Pick<RequestRetries, "backOff"> {
  const baseIntervalMs = milliseconds(conf?.baseInterval) ?? (conf ? defaultBaseMs || grpcBaseIntervalMs : 0);
  const maxIntervalMs = milliseconds(conf?.maxInterval);
  return baseIntervalMs ? { backOff: { baseIntervalMs, ...(maxIntervalMs ? { maxIntervalMs } : {}) } } : {};
}

function limitedBackOff({ resetHeaders = [], maxInterval }: NonNullable<MeshRetryRequests["rateLimitedBackOff"]>) {
  const maxIntervalMs = milliseconds(maxInterval);
  return {
    resetHeaders: resetHeaders.map(({ name, format }) => ({
      name,
      format: format === "UnixTimestamp" ? ("UNIX_TIMESTAMP" as const) : ("SECONDS" as const),
    })),
    ...(maxIntervalMs === undefined ? {} : { maxIntervalMs }),
  };
}

/** What gRPC has no words for. */
function httpAlone(conf: MeshRetryHttp): Partial<RequestRetries> {
  const { retriableRequestHeaders = [], retriableResponseHeaders = [], hostSelection = [], hostSelectionMaxAttempts } = conf;
  const omitHosts = hostSelection.flatMap(({ predicate, tags = {} }): NonNullable<RequestRetries["omitHosts"]> => {
    if (predicate === "OmitPreviousHosts") return [{ previous: true }];
    return predicate === "OmitHostsWithTags" ? [{ tags }] : [];
  });
  const priorities = hostSelection.findLast(({ predicate }) => predicate === "OmitPreviousPriorities");
  return {
    ...(retriableRequestHeaders.length ? { retriableRequestHeaders: retriableRequestHeaders.map(headerMatch) } : {}),
    ...(retriableResponseHeaders.length ? { retriableResponseHeaders: retriableResponseHeaders.map(headerMatch) } : {}),
    ...(omitHosts.length ? { omitHosts } : {}),
    ...(priorities ? { omitPreviousPriorities: priorities.updateFrequency ?? 2 } : {}),
    ...(hostSelectionMaxAttempts === undefined ? {} : { hostSelectionMaxAttempts }),
  };
}

/** A header as policies with a targetRef ask for it. */
export function headerMatch({ name, type = "Exact", value = "" }: MeshHeaderMatch): HeaderMatch {
  switch (type) {
    case "Exact":
      return { name, exact: value };
    case "Prefix":
      return value === "" ? { name, present: true } : { name, prefix: value };
    case "RegularExpression":
      return { name, regex: value };
    case "Present":
      return { name, present: true };
    case "Absent":
      return { name, present: false };
  }
}

/** Retries towards a destination. */
export const retries: Question<Retries> = {
  legacy: { type: "Retry", conf: fromRetry },
  targeted: { type: "MeshRetry", conf: fromMeshRetry },
  precedence: (legacy, targeted) => ({ ...legacy, ...targeted }),
};
