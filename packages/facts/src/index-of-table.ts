import { Origin, type FactGraph } from "./fact-graph.ts";
import { SortedValues } from "./sorted-values.ts";

/** What an item contributes to a group of an index. Contributions of one `id` are one, however many items make them. */
export interface IndexEntry<Value> {
  group: string;
  /** Default: the item's key. */
  id?: string;
  value: Value;
}

interface Group<Value> {
  members: Map<string, { value: Value; count: number }>;
  /** Made when the group is first read. */
  sorted: SortedValues<Value> | undefined;
}

const none: readonly never[] = [];

/** Items of a table by what is said of them. A change of an item reaches who reads one of its groups, if it makes a difference there. */
export class Index<Item extends object, Value> {
  readonly #graph: FactGraph;
  readonly #entriesOf: (item: Item, key: string) => Iterable<IndexEntry<Value>>;
  readonly #load: () => ReadonlyMap<string, Item>;
  #groups: Map<string, Group<Value>> | undefined;
  readonly #origins = new Map<string, Origin>();
  readonly #names: Origin;
  #sortedNames: readonly string[] | undefined;

  /** Made by `Table.index`. */
  constructor(
    graph: FactGraph,
    entriesOf: (item: Item, key: string) => Iterable<IndexEntry<Value>>,
    load: () => ReadonlyMap<string, Item>,
  ) {
    this.#graph = graph;
    this.#entriesOf = entriesOf;
    this.#load = load;
    this.#names = new Origin(graph);
  }

  /** What the group has, in the order of the ids. */
  of(group: string): readonly Value[] {
    let origin = this.#origins.get(group);
    if (origin === undefined) {
      origin = new Origin(this.#graph, () => this.#origins.delete(group));
      this.#origins.set(group, origin);
    }
    origin.read();
    const found = this.#filled().get(group);
    if (found === undefined) return none;
    found.sorted ??= new SortedValues([...found.members].map(([id, { value }]) => [id, value] as const));
    return found.sorted.values;
  }

  /** The names of the groups that have anything, sorted. */
  groups(): readonly string[] {
    this.#names.read();
    return (this.#sortedNames ??= [...this.#filled().keys()].sort());
  }

  /** @internal */
  replace(key: string, before: Item | undefined, now: Item | undefined): void {
    if (this.#groups === undefined) return;
    const changed = new Set<string>();
    // What is there before and after is first counted twice, so that it never looks gone.
    if (now) for (const entry of this.#entriesOf(now, key)) if (this.#add(this.#groups, key, entry)) changed.add(entry.group);
    if (before) for (const entry of this.#entriesOf(before, key)) if (this.#remove(this.#groups, key, entry)) changed.add(entry.group);
    for (const group of changed) this.#origins.get(group)?.changed();
    if (this.#sortedNames === undefined) this.#names.changed();
  }

  #filled(): ReadonlyMap<string, Group<Value>> {
    if (this.#groups === undefined) {
      this.#groups = new Map();
      for (const [key, item] of this.#load()) for (const entry of this.#entriesOf(item, key)) this.#add(this.#groups, key, entry);
    }
    return this.#groups;
  }

  #add(groups: Map<string, Group<Value>>, key: string, { group, id = key, value }: IndexEntry<Value>): boolean {
    let found = groups.get(group);
    if (found === undefined) {
      groups.set(group, (found = { members: new Map(), sorted: undefined }));
      this.#sortedNames = undefined;
    }
    const member = found.members.get(id);
    if (member === undefined) {
      found.members.set(id, { value, count: 1 });
      found.sorted?.set(id, value);
      return true;
    }
    member.count++;
    // Entries with an id of their own are the same wherever they come from.
    if (id !== key || member.value === value) return false;
    member.value = value;
    found.sorted?.set(id, value);
    return true;
  }

  #remove(groups: Map<string, Group<Value>>, key: string, { group, id = key }: IndexEntry<Value>): boolean {
    const found = groups.get(group);
    const member = found?.members.get(id);
    if (!found || !member || --member.count > 0) return false;
    found.members.delete(id);
    found.sorted?.delete(id);
    if (found.members.size === 0) {
      groups.delete(group);
      this.#sortedNames = undefined;
    }
    return true;
  }
}
