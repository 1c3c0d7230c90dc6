import { Table, type FactGraph, type Index, type IndexEntry } from "@atoll/facts";
import type { Resource, ResourceKey } from "@atoll/resource";
import type { Reader } from "../inputs.ts";

/** How the resources of a type are found by something that they say. */
export interface ResourceIndex<Spec, Value = Resource<Spec>> {
  type: string;
  /** A function of the resource alone. */
  entriesOf: (resource: Resource<Spec>) => Iterable<IndexEntry<Value>>;
}

/** Resources of one folded state, as facts read them: one by its name, those of a type in a mesh, or those that an index has. */
export class StateTables implements Reader {
  readonly #graph: FactGraph;
  readonly #reader: Reader;
  readonly #tables = new Map<string, Map<string, Table<Resource>>>();
  readonly #indexes = new Map<ResourceIndex<never, never>, Map<string, Index<Resource, unknown>>>();

  constructor(graph: FactGraph, reader: Reader) {
    this.#graph = graph;
    this.#reader = reader;
  }

  get<Spec>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#table(type, mesh).get(name) as Resource<Spec> | undefined;
  }

  /** Sorted by name; without `mesh`, of a type of global scope. */
  list<Spec>(type: string, mesh = ""): readonly Resource<Spec>[] {
    return this.#table(type, mesh).all() as readonly Resource<Spec>[];
  }

  /** Whether there is none of the type in the mesh. */
  isEmpty(type: string, mesh: string): boolean {
    return this.#table(type, mesh).isEmpty();
  }

  /** `index` is to be the same object for all who ask. */
  index<Spec, Value>(index: ResourceIndex<Spec, Value>, mesh: string): Index<Resource, Value> {
    let ofMeshes = this.#indexes.get(index as unknown as ResourceIndex<never, never>);
    if (ofMeshes === undefined) this.#indexes.set(index as unknown as ResourceIndex<never, never>, (ofMeshes = new Map()));
    let made = ofMeshes.get(mesh);
    if (made === undefined)
      ofMeshes.set(mesh, (made = this.#table(index.type, mesh).index((one) => index.entriesOf(one as Resource<Spec>))));
    return made as Index<Resource, Value>;
  }

  changed({ type, mesh, name }: ResourceKey): void {
    this.#tables.get(type)?.get(mesh)?.changed(name);
  }

  #table(type: string, mesh: string): Table<Resource> {
    let meshes = this.#tables.get(type);
    if (meshes === undefined) this.#tables.set(type, (meshes = new Map()));
    let table = meshes.get(mesh);
    if (table === undefined) {
      table = new Table<Resource>(this.#graph, {
        get: (name) => this.#reader.get(type, mesh, name),
        list: () => this.#reader.list(type, mesh).map((one) => [one.name, one] as const),
      });
      meshes.set(mesh, table);
    }
    return table;
  }
}
