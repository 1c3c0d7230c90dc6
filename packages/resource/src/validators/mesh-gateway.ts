import type { MeshGatewaySpec } from "../specs/mesh-gateway.ts";
import type { Violations } from "./violation.ts";

export function* validateMeshGateway(_spec: MeshGatewaySpec): Violations {}
