import type { ResourceReader } from "@atoll/replica";
import type { ExternalServiceSpec, RateLimitSpec, ResourceDraft, Violation } from "@atoll/resource";

const serviceTag = "kuma.io/service";
const reason = "RateLimit applied to external service only supports kuma.io/service as destination match";

/** Rate limits of external services are enforced by name alone; a RateLimit that asks for more would do less than it says. */
const asksForMore = (limit: RateLimitSpec, service: string): boolean =>
  (limit.destinations ?? []).some(({ match = {} }) => {
    const named = match[serviceTag];
    return (named === "*" || named === service) && Object.keys(match).length > 1;
  });

export function externalServiceViolations(draft: ResourceDraft, config: ResourceReader): Violation[] {
  const service = (draft.spec as ExternalServiceSpec).tags?.[serviceTag] ?? "";
  const limits = config.list<RateLimitSpec>("RateLimit", draft.mesh);
  return limits.some(({ spec }) => asksForMore(spec, service)) ? [{ field: "externalservice", reason }] : [];
}

export function rateLimitViolations(draft: ResourceDraft, config: ResourceReader): Violation[] {
  const services = config.list<ExternalServiceSpec>("ExternalService", draft.mesh);
  const clash = services.some(({ spec }) => asksForMore(draft.spec as RateLimitSpec, spec.tags?.[serviceTag] ?? ""));
  return clash ? [{ field: "ratelimit", reason }] : [];
}
