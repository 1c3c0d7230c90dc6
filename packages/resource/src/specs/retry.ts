import { duration, enumeration, kept, need, uint32, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { protoName, sourcesAndDestinations } from "./common.ts";
import { httpMethod } from "./http-method.ts";

const backOff = message({ baseInterval: need(duration), maxInterval: duration });

const httpRetryOn = enumeration(protoName("HttpRetryOn"), [
  "all_5xx",
  "gateway_error",
  "reset",
  "connect_failure",
  "envoy_ratelimited",
  "retriable_4xx",
  "refused_stream",
  "retriable_status_codes",
  "retriable_headers",
  "http3_post_connect_failure",
]);

const grpcRetryOn = enumeration(protoName("Retry.Conf.Grpc.RetryOn"), [
  "cancelled",
  "deadline_exceeded",
  "internal",
  "resource_exhausted",
  "unavailable",
]);

export const retrySpec = message({
  ...sourcesAndDestinations,
  conf: need(
    message({
      http: message({
        numRetries: kept(uint32),
        perTryTimeout: duration,
        backOff,
        retriableStatusCodes: list(uint32),
        retriableMethods: list(httpMethod),
        retryOn: list(httpRetryOn),
      }),
      tcp: message({ maxConnectAttempts: uint32 }),
      grpc: message({ retryOn: list(grpcRetryOn), numRetries: kept(uint32), perTryTimeout: duration, backOff }),
    }),
  ),
});
export type RetrySpec = Value<typeof retrySpec>;
