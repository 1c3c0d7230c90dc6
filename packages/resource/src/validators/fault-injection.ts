import type { FaultInjectionSpec } from "../specs/fault-injection.ts";
import type { Violations } from "./violation.ts";

export function* validateFaultInjection(_spec: FaultInjectionSpec): Violations {}
