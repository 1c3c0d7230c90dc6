import type { CircuitBreakerSpec } from "../specs/circuit-breaker.ts";
import type { Violations } from "./violation.ts";

export function* validateCircuitBreaker(_spec: CircuitBreakerSpec): Violations {}
