import { type MeshLifeSpec, meshLifeType } from "@atoll/resource";
import type { ResourceReader } from "./reader.ts";

/**
 * Whether what a zone has in a mesh is of the mesh that the configuration has: a zone that was away when a mesh ended still holds what it
 * made there, and a mesh that is made again under that name has nothing of it.
 */
export function isOfPresentMesh(mesh: string, config: ResourceReader, zone: ResourceReader): boolean {
  if (mesh === "") return true;
  const present = config.get("Mesh", "", mesh);
  const life = zone.get<MeshLifeSpec>(meshLifeType, "", mesh);
  return present !== undefined && (life === undefined || life.spec.creationTime === present.creationTime);
}
