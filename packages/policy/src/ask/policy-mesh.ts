import type { MeshSpec, Resource } from "@atoll/resource";
import type { PolicyRules } from "../policy-rules.ts";
import type { MeshResources } from "../target/resolve-target.ts";

/** What the policies of one mesh are answered from. */
export interface PolicyMesh {
  readonly name: string;
  readonly mesh: Resource<MeshSpec>;
  readonly rules: PolicyRules;
  /** All of a type in the mesh, sorted by name: for who accounts for all of them. Who chooses asks for those of a place. */
  resources<Spec>(type: string): readonly Resource<Spec>[];
  /** Those of a type that `placesOf` puts in one of the places, sorted by name: all that can have a say there. */
  placed<Spec>(type: string, places: readonly string[]): readonly Resource<Spec>[];
  /** Whether the mesh has any of the type. */
  has(type: string): boolean;
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
