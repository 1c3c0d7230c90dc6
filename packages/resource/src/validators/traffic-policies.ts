import type { TrafficLogSpec } from "../specs/traffic-log.ts";
import type { TrafficPermissionSpec } from "../specs/traffic-permission.ts";
import type { TrafficTraceSpec } from "../specs/traffic-trace.ts";
import type { Violations } from "./violation.ts";

export function* validateTrafficLog(_spec: TrafficLogSpec): Violations {}
export function* validateTrafficPermission(_spec: TrafficPermissionSpec): Violations {}
export function* validateTrafficTrace(_spec: TrafficTraceSpec): Violations {}
