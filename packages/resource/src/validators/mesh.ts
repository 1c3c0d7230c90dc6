import type { MeshSpec } from "../specs/mesh.ts";
import type { Violations } from "./violation.ts";

export function* validateMesh(_spec: MeshSpec): Violations {}
