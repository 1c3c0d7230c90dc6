import type { MeshGatewayRouteSpec } from "../specs/mesh-gateway-route.ts";
import type { Violations } from "./violation.ts";

export function* validateMeshGatewayRoute(_spec: MeshGatewayRouteSpec): Violations {}
