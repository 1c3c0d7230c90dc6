import type { RetrySpec } from "@atoll/resource";
import type { RetryView } from "../proxy-view.ts";
import { milliseconds } from "./timeout.ts";

type RetryConf = RetrySpec["conf"];
type BackOff = NonNullable<NonNullable<RetryConf["http"]>["backOff"]>;

const httpDefault = ["gateway-error", "connect-failure", "refused-stream"];
const grpcDefault = ["cancelled", "connect-failure", "gateway-error", "refused-stream", "reset", "resource-exhausted", "unavailable"];

const conditions = (names: readonly string[] | undefined, otherwise: string[]): string[] =>
  names?.length ? names.map((name) => (name === "all_5xx" ? "5xx" : name.replaceAll("_", "-"))) : [...otherwise];

function backOff(conf: BackOff | undefined): Pick<RetryView, "backOff"> {
  const baseIntervalMs = milliseconds(conf?.baseInterval);
  if (!baseIntervalMs) return {};
  const maxIntervalMs = milliseconds(conf?.maxInterval);
  return { backOff: { baseIntervalMs, ...(maxIntervalMs ? { maxIntervalMs } : {}) } };
}

/** Retries of HTTP requests; only services that speak exactly http or grpc have any. */
export function retryView(conf: RetryConf | undefined, protocol: string): RetryView | undefined {
  const http = protocol === "http" ? conf?.http : undefined;
  const grpc = protocol === "grpc" ? conf?.grpc : undefined;
  const own = http ?? grpc;
  if (!own) return undefined;
  const retryOn = conditions(own.retryOn, http ? httpDefault : grpcDefault);
  const codes = http?.retriableStatusCodes ?? [];
  if (codes.length > 0 && !retryOn.includes("retriable-status-codes")) retryOn.push("retriable-status-codes");
  const perTryTimeoutMs = milliseconds(own.perTryTimeout);
  return {
    retryOn: retryOn.join(","),
    ...(own.numRetries === undefined ? {} : { numRetries: own.numRetries }),
    ...(perTryTimeoutMs ? { perTryTimeoutMs } : {}),
    ...backOff(own.backOff),
    ...(codes.length > 0 ? { retriableStatusCodes: codes } : {}),
    ...(http?.retriableMethods?.length ? { retriableMethods: http.retriableMethods } : {}),
  };
}
