import type { Resource, RetrySpec } from "@atoll/resource";
import type { Question } from "../ask/question.ts";
import { milliseconds } from "../milliseconds.ts";

/** Retries of requests, as Envoy counts and names them. */
export interface RequestRetries {
  /** Envoy's comma-separated retry_on. */
  retryOn: string;
  numRetries?: number;
  perTryTimeoutMs?: number;
  backOff?: { baseIntervalMs: number; maxIntervalMs?: number };
  retriableStatusCodes?: number[];
  retriableMethods?: string[];
}

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

/** Retries towards a destination. */
export const retries: Question<Retries> = {
  legacy: { type: "Retry", conf: fromRetry },
};
