import type { RateLimitSpec } from "../specs/rate-limit.ts";
import type { Violations } from "./violation.ts";

export function* validateRateLimit(_spec: RateLimitSpec): Violations {}
