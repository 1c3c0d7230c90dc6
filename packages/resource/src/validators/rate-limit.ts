import { isAnswerableStatus } from "../answerable-status.ts";
import { durationMs } from "../duration.ts";
import type { RateLimitSpec } from "../specs/rate-limit.ts";
import { validateChangedHeader, validateHeaderValue } from "./envoy-values.ts";
import { anyTags, validateConnection } from "./tags.ts";
import { keyed, violation, type Violations } from "./violation.ts";

/** Envoy fills a bucket no more often. */
const leastIntervalMs = 50;

export function* validateRateLimit(spec: RateLimitSpec): Violations {
  yield* validateConnection(spec, anyTags, anyTags);
  if (spec.conf === undefined) yield violation("conf", "must have conf");
  const http = spec.conf?.http;
  if (!http) return;
  if (!http.requests) yield violation("conf.http.requests", "requests must be set");
  if (http.interval === undefined) yield violation("conf.http.interval", "interval must be set");
  else if (durationMs(http.interval) < leastIntervalMs) yield violation("conf.http.interval", `must be at least ${leastIntervalMs}ms`);
  const status = http.onRateLimit?.status;
  if (status !== undefined && !isAnswerableStatus(status))
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
