/**
 * Of a zone's log, named after a mesh and in none itself: which mesh of that name the zone's resources are of. Not on the REST API.
 * A mesh that is deleted and made again is another one.
 */
export const meshLifeType = "MeshLife";

export interface MeshLifeSpec {
  /** Of the Mesh. */
  creationTime: string;
  /** Of the configuration, when it was seen: one that is not there yet says nothing of the mesh. */
  revision: number;
}
