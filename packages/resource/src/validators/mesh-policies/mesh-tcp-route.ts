import type { MeshTcpRouteSpec } from "../../specs/mesh-policies/mesh-tcp-route.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateBackendRefs } from "./backend-refs.ts";
import { validateTargetRef } from "./target-ref.ts";

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "Dataplane"] as const;

export function* validateMeshTcpRoute({ targetRef, to = [] }: MeshTcpRouteSpec, role?: string): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role, gatewayTags: true });
  const kinds =
    targetRef?.kind === "MeshGateway" ? (["Mesh"] as const) : (["MeshService", "MeshExternalService", "MeshMultiZoneService"] as const);
  for (const [index, item] of to.entries()) {
    yield* validateTargetRef(`${at("spec.to", index)}.targetRef`, item.targetRef, { kinds });
    for (const [place, rule] of item.rules.entries()) {
      const { backendRefs = [] } = rule.default;
      const path = `${at(`${at("spec.to", index)}.rules`, place)}.default.backendRefs`;
      if (backendRefs.length === 0) yield violation(path, "must be defined");
      yield* validateBackendRefs(path, backendRefs);
    }
  }
}
