import { durationMs } from "../duration.ts";
import type { RateLimitSpec } from "../specs/rate-limit.ts";
import { validateChangedHeader, validateHeaderValue } from "./envoy-values.ts";
import { anyTags, validateConnection } from "./tags.ts";
import { keyed, violation, type Violations } from "./violation.ts";

/** Envoy fills a bucket no more often. */
const leastIntervalMs = 50;

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/v3/http_status.proto */
const ranges: [from: number, to: number][] = [
  [100, 100],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 417],
  [421, 424],
  [426, 426],
  [428, 429],
  [431, 431],
  [500, 508],
  [510, 511],
];
const answerableStatuses: ReadonlySet<number> = new Set(
  ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index)),
);

export function* validateRateLimit(spec: RateLimitSpec): Violations {
  yield* validateConnection(spec, anyTags, anyTags);
  if (spec.conf === undefined) yield violation("conf", "must have conf");
  const http = spec.conf?.http;
  if (!http) return;
  if (!http.requests) yield violation("conf.http.requests", "requests must be set");
  if (http.interval === undefined) yield violation("conf.http.interval", "interval must be set");
  else if (durationMs(http.interval) < leastIntervalMs) yield violation("conf.http.interval", `must be at least ${leastIntervalMs}ms`);
  const status = http.onRateLimit?.status;
  if (status !== undefined && !answerableStatuses.has(status))
    yield violation("conf.http.onRateLimit.status", "is no HTTP status that Envoy answers");
  for (const [index, header] of (http.onRateLimit?.headers ?? []).entries()) {
    // The index stands in quotes, as if it were a key: what existing clients get to see.
    const field = keyed("conf.http.onRateLimit.header", String(index));
    if (!header.key) yield violation(field, "key must be set");
    if (!header.value) yield violation(field, "value must be set");
    yield* validateChangedHeader(`${field}.key`, header.key);
    yield* validateHeaderValue(`${field}.value`, header.value);
  }
}
