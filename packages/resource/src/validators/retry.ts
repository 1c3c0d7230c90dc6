import type { RetrySpec } from "../specs/retry.ts";
import type { Violations } from "./violation.ts";

export function* validateRetry(_spec: RetrySpec): Violations {}
