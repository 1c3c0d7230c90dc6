import type { ZoneEgressSpec, ZoneIngressSpec } from "../specs/zone-proxy.ts";
import type { Violations } from "./violation.ts";

export function* validateZoneIngress(_spec: ZoneIngressSpec): Violations {}
export function* validateZoneEgress(_spec: ZoneEgressSpec): Violations {}
