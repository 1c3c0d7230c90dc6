import type { TrafficRouteSpec } from "../specs/traffic-route.ts";
import type { Violations } from "./violation.ts";

export function* validateTrafficRoute(_spec: TrafficRouteSpec): Violations {}
