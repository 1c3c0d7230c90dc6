import type { MeshSpec } from "./specs/mesh.ts";

/** The mesh with the defaults that are part of the stored object. */
export const meshWithDefaults = (spec: MeshSpec): MeshSpec => spec;
