import type { RetryPolicySchema } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { RetryView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import type { Init } from "./init.ts";

export function retryPolicy(view: RetryView): Init<typeof RetryPolicySchema> {
  const { backOff } = view;
  return {
    retryOn: view.retryOn,
    numRetries: view.numRetries,
    perTryTimeout: durationOf(view.perTryTimeoutMs),
    retryBackOff: backOff && { baseInterval: durationOf(backOff.baseIntervalMs), maxInterval: durationOf(backOff.maxIntervalMs) },
    retriableStatusCodes: view.retriableStatusCodes ?? [],
    retriableRequestHeaders: (view.retriableMethods ?? []).map((method) => ({
      name: ":method",
      headerMatchSpecifier: { case: "stringMatch", value: { matchPattern: { case: "exact", value: method } } },
    })),
  };
}
