import type { Resource, ResourceKey } from "@atoll/resource";
import type { ResourceReader } from "./reader.ts";

interface MeshRows {
  byName: Map<string, Resource>;
  sorted: readonly Resource[] | undefined;
}

interface TypeRows {
  meshes: Map<string, MeshRows>;
  sorted: readonly Resource[] | undefined;
}

const empty: readonly Resource[] = Object.freeze([]);
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Resources by type, mesh and name. Lists are sorted once and kept until one of their resources changes. */
export class ResourceTable implements ResourceReader {
  readonly #types = new Map<string, TypeRows>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#types.get(type)?.meshes.get(mesh)?.byName.get(name) as Resource<Spec> | undefined;
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    const rows = this.#types.get(type);
    if (!rows) return empty as readonly Resource<Spec>[];
    if (mesh === undefined) {
      rows.sorted ??= [...rows.meshes.keys()].sort(byText).flatMap((name) => sortedRows(rows.meshes.get(name)));
      return rows.sorted as readonly Resource<Spec>[];
    }
    return sortedRows(rows.meshes.get(mesh)) as readonly Resource<Spec>[];
  }

  set(resource: Resource): void {
    let rows = this.#types.get(resource.type);
    if (!rows) this.#types.set(resource.type, (rows = { meshes: new Map(), sorted: undefined }));
    let meshRows = rows.meshes.get(resource.mesh);
    if (!meshRows) rows.meshes.set(resource.mesh, (meshRows = { byName: new Map(), sorted: undefined }));
    if (!meshRows.byName.has(resource.name)) this.#size++;
    meshRows.byName.set(resource.name, resource);
    meshRows.sorted = rows.sorted = undefined;
  }

  delete(key: ResourceKey): boolean {
    const rows = this.#types.get(key.type);
    const meshRows = rows?.meshes.get(key.mesh);
    if (!rows || !meshRows?.byName.delete(key.name)) return false;
    this.#size--;
    meshRows.sorted = rows.sorted = undefined;
    if (meshRows.byName.size === 0) rows.meshes.delete(key.mesh);
    if (rows.meshes.size === 0) this.#types.delete(key.type);
    return true;
  }

  /** Everything that lives in one mesh, of any type, in no particular order. */
  *ofMesh(mesh: string): Iterable<Resource> {
    for (const rows of this.#types.values()) {
      const meshRows = rows.meshes.get(mesh);
      if (meshRows) yield* meshRows.byName.values();
    }
  }

  *all(): Iterable<Resource> {
    for (const rows of this.#types.values()) {
      for (const meshRows of rows.meshes.values()) yield* meshRows.byName.values();
    }
  }
}

function sortedRows(rows: MeshRows | undefined): readonly Resource[] {
  if (!rows) return empty;
  rows.sorted ??= [...rows.byName.values()].sort((a, b) => byText(a.name, b.name));
  return rows.sorted;
}
