import type { DataplaneSpec } from "../specs/dataplane.ts";
import type { Violations } from "./violation.ts";

export function* validateDataplane(_spec: DataplaneSpec): Violations {}
