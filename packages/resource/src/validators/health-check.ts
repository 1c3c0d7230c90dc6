import type { HealthCheckSpec } from "../specs/health-check.ts";
import type { Violations } from "./violation.ts";

export function* validateHealthCheck(_spec: HealthCheckSpec): Violations {}
