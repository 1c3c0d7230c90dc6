import type { TimeoutSpec } from "../specs/timeout.ts";
import type { Violations } from "./violation.ts";

export function* validateTimeout(_spec: TimeoutSpec): Violations {}
