import type { VirtualOutboundSpec } from "../specs/virtual-outbound.ts";
import type { Violations } from "./violation.ts";

export function* validateVirtualOutbound(_spec: VirtualOutboundSpec): Violations {}
