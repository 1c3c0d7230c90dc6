import type { MeshSpec, Resource } from "@atoll/resource";
import type { PolicyRules } from "../policy-rules.ts";
import type { MeshResources } from "../target/resolve-target.ts";

/** What the policies of one mesh are answered from. */
export interface PolicyMesh {
  readonly name: string;
  readonly mesh: Resource<MeshSpec>;
  readonly rules: PolicyRules;
  /** All of a type in the mesh, sorted by name. */
  resources<Spec>(type: string): readonly Resource<Spec>[];
  /**
   * The value of that key, computed once for all who ask, and again when something changes that `compute` read of the mesh. So the key
   * tells everything else that `compute` uses: policies by name and revision.
   */
  remember<Value>(key: string, compute: () => Value): Value;
}

/** The mesh's resources, the mesh itself among them, for who resolves references. */
export const meshResources = (mesh: PolicyMesh): MeshResources => ({
  resources: (type) => (type === "Mesh" ? [mesh.mesh] : mesh.resources(type)),
});
