import type { ResourceReader } from "@atoll/replica";
import {
  type ExternalServiceSpec,
  type RateLimitSpec,
  type ResourceDraft,
  type Violation,
  limitsExternalServiceByTags,
  rateLimitOnExternalServiceReason as reason,
} from "@atoll/resource";

// Rate limits of external services are enforced by name alone; a RateLimit that asks for more would do less than it says.

export function externalServiceViolations(draft: ResourceDraft, config: ResourceReader): Violation[] {
  const { tags } = draft.spec as ExternalServiceSpec;
  const limits = config.list<RateLimitSpec>("RateLimit", draft.mesh);
  return limits.some(({ spec }) => limitsExternalServiceByTags(spec, tags)) ? [{ field: "externalservice", reason }] : [];
}

export function rateLimitViolations(draft: ResourceDraft, config: ResourceReader): Violation[] {
  const services = config.list<ExternalServiceSpec>("ExternalService", draft.mesh);
  const clash = services.some(({ spec }) => limitsExternalServiceByTags(draft.spec as RateLimitSpec, spec.tags));
  return clash ? [{ field: "ratelimit", reason }] : [];
}
