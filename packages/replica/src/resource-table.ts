import type { Resource, ResourceKey } from "@atoll/resource";
import { byText, type ResourceReader } from "./reader.ts";

interface MeshRows {
  byName: Map<string, Resource>;
  /** As it was when it was last asked for. */
  sorted: readonly Resource[] | undefined;
  /** Names that have changed since. */
  unsorted: Set<string>;
}

interface TypeRows {
  meshes: Map<string, MeshRows>;
  sorted: readonly Resource[] | undefined;
}

const empty: readonly Resource[] = Object.freeze([]);

/** Resources by type, mesh and name. Lists are sorted once; then what has changed is put in its place, in a copy. */
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
    if (!meshRows) rows.meshes.set(resource.mesh, (meshRows = { byName: new Map(), sorted: undefined, unsorted: new Set() }));
    if (!meshRows.byName.has(resource.name)) this.#size++;
    meshRows.byName.set(resource.name, resource);
    if (meshRows.sorted) meshRows.unsorted.add(resource.name);
    rows.sorted = undefined;
  }

  delete(key: ResourceKey): boolean {
    const rows = this.#types.get(key.type);
    const meshRows = rows?.meshes.get(key.mesh);
    if (!rows || !meshRows?.byName.delete(key.name)) return false;
    this.#size--;
    if (meshRows.sorted) meshRows.unsorted.add(key.name);
    rows.sorted = undefined;
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
  const { byName, sorted, unsorted } = rows;
  if (sorted !== undefined && unsorted.size === 0) return sorted;
  // Many at once are sorted faster all together.
  rows.sorted =
    sorted === undefined || unsorted.size > 16
      ? [...byName.values()].sort((a, b) => byText(a.name, b.name))
      : withChanged(sorted, unsorted, (name) => byName.get(name));
  unsorted.clear();
  return rows.sorted;
}

function withChanged(
  before: readonly Resource[],
  names: ReadonlySet<string>,
  now: (name: string) => Resource | undefined,
): readonly Resource[] {
  const sorted = [...before];
  for (const name of names) {
    const at = placeOf(sorted, name);
    const resource = now(name);
    sorted.splice(at, sorted[at]?.name === name ? 1 : 0, ...(resource ? [resource] : []));
  }
  return sorted;
}

/** Where the name is, or would be. */
function placeOf(sorted: readonly Resource[], name: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.name < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
