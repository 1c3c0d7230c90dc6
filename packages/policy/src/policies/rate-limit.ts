import { isAnswerableStatus } from "@atoll/resource";
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
  /** For all callers together, of requests and of connections that carry no requests. */
  everybody?: RequestLimit;
  connections?: { connections: number; intervalMs: number };
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

interface MeshRateLimitConf {
  local?: {
    http?: {
      disabled?: boolean;
      requestRate?: { num: number; interval: string };
      onRateLimit?: { status?: number; headers?: { set?: HeaderValue[]; add?: HeaderValue[] } };
    };
    tcp?: { disabled?: boolean; connectionRate?: { num: number; interval: string } };
  };
}

interface HeaderValue {
  name: string;
  value: string;
}

const tooManyRequests = 429;

function fromMeshRateLimit({ local }: MeshRateLimitConf): RequestLimit | undefined {
  const { disabled, requestRate, onRateLimit = {} } = local?.http ?? {};
  if (disabled || !requestRate) return undefined;
  const { status = tooManyRequests, headers = {} } = onRateLimit;
  const written = [
    ...(headers.set ?? []).map(({ name, value }) => ({ name, value, append: false })),
    ...(headers.add ?? []).map(({ name, value }) => ({ name, value, append: true })),
  ];
  return {
    requests: requestRate.num,
    intervalMs: milliseconds(requestRate.interval) ?? 0,
    // Envoy takes none below 400 here, and none that it does not know.
    status: status < 400 || !isAnswerableStatus(status) ? tooManyRequests : status,
    ...(written.length > 0 ? { headers: written } : {}),
  };
}

function inboundFromMeshRateLimit(conf: MeshRateLimitConf): InboundLimits {
  const everybody = fromMeshRateLimit(conf);
  const { disabled, connectionRate } = conf.local?.tcp ?? {};
  return {
    ...(everybody ? { everybody } : {}),
    ...(connectionRate && !disabled
      ? { connections: { connections: connectionRate.num, intervalMs: milliseconds(connectionRate.interval) ?? 0 } }
      : {}),
    byCaller: [],
  };
}

/** A limit of a route of a gateway. */
export const routeLimit: Question<RequestLimit> = {
  legacy: { type: "RateLimit", conf: requestLimit },
  targeted: { type: "MeshRateLimit", conf: fromMeshRateLimit },
};

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
  targeted: { type: "MeshRateLimit", by: "everybody", conf: inboundFromMeshRateLimit },
  precedence: "legacy",
};
