import type { MeshTrafficPermissionSpec } from "../../specs/mesh-policies.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateTargetRef } from "./target-ref.ts";

const sources = ["Mesh", "MeshSubset", "MeshService", "MeshServiceSubset"] as const;

export function* validateMeshTrafficPermission({ targetRef, from = [] }: MeshTrafficPermissionSpec): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: [...sources, "Dataplane"], inbound: from.length > 0 });
  if (from.length === 0) yield violation("spec.from", "needs at least one item");
  for (const [index, item] of from.entries()) {
    const path = at("spec.from", index);
    yield* validateTargetRef(`${path}.targetRef`, item.targetRef, { kinds: sources });
    if (!item.default?.action) yield violation(`${path}.default.action`, "must be defined");
  }
}
