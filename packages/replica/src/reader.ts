import type { KeyString, Resource, ResourceKey } from "@atoll/resource";

/** Read side of any folded state: the configuration, a zone's resources, or both joined. */
export interface ResourceReader {
  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined;
  /** Sorted by mesh, then name. Without `mesh`: of all meshes. */
  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[];
}

/** A coalesced change of a folded state; sent after it is visible to readers. Equal values send nothing. */
export interface ChangeEvent {
  revision: number;
  keys: readonly KeyString[];
}

export interface WatchedReader extends ResourceReader {
  /** Returns what ends it. */
  watch(listener: (event: ChangeEvent) => void): () => void;
}

/** The order of lists. */
export const byMeshAndName = (a: ResourceKey, b: ResourceKey): number => byText(a.mesh, b.mesh) || byText(a.name, b.name);

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
