import type { Retries } from "@atoll/policy";
import type { RetryView } from "../proxy-view.ts";

/** Retries of HTTP requests; only services that speak exactly http or grpc have any. */
export const retryView = (retries: Retries | undefined, protocol: string): RetryView | undefined =>
  protocol === "http" ? retries?.http : protocol === "grpc" ? retries?.grpc : undefined;
