import type { RateLimitSpec, Resource } from "@atoll/resource";
import type { InboundQuestion } from "../ask/callee.ts";
import type { Question } from "../ask/question.ts";
import { kumaTagsRegex } from "../kuma-tags.ts";
import { milliseconds } from "../milliseconds.ts";

/** A bucket of requests that is filled at once every interval, in each Envoy for itself. */
export interface RequestLimit {
  requests: number;
  intervalMs: number;
  status?: number;
  headers?: { name: string; value: string; append: boolean }[];
}

/** Limits of what comes in. */
export interface InboundLimits {
  /** For some callers, known by the header in which they say their tags; in the order in which they are tried. */
  byCaller: { policy: Resource; callersRegex: string; limit: RequestLimit }[];
}

function requestLimit({ spec }: Resource<RateLimitSpec>): RequestLimit | undefined {
  const http = spec.conf?.http;
  if (!http) return undefined;
  const { status, headers } = http.onRateLimit ?? {};
  return {
    requests: http.requests ?? 0,
    intervalMs: milliseconds(http.interval) ?? 0,
    ...(status === undefined ? {} : { status }),
    ...(headers?.length
      ? { headers: headers.map(({ key, value, append }) => ({ name: key ?? "", value: value ?? "", append: append ?? false })) }
      : {}),
  };
}

/** A limit that the caller keeps, of requests to what cannot keep one itself. */
export const outboundLimit: Question<RequestLimit> = {
  legacy: { type: "RateLimit", conf: requestLimit },
};

/** Limits of what comes in. */
export const inboundLimits: InboundQuestion<InboundLimits> = {
  legacy: {
    type: "RateLimit",
    acting: "all",
    conf: (policies: readonly Resource<RateLimitSpec>[]) => ({
      byCaller: policies.flatMap((policy) => {
        const limit = requestLimit(policy);
        return limit ? [{ policy, callersRegex: kumaTagsRegex(policy.spec.sources), limit }] : [];
      }),
    }),
  },
};
