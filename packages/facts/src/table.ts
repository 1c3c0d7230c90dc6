import { Origin, type FactGraph } from "./fact-graph.ts";
import { Index, type IndexEntry } from "./index-of-table.ts";
import { SortedValues } from "./sorted-values.ts";

/** Where the items of a table are. */
export interface TableContent<Item> {
  get(key: string): Item | undefined;
  /** All of them with their keys, in any order. */
  list(): Iterable<readonly [key: string, item: Item]>;
}

/**
 * Things by key that live outside of the graph, so that facts can read one of them, those that an index has under one name, or all. Whoever
 * changes one says so (`changed`), which costs what reads it, not what the table holds.
 */
export class Table<Item extends object> {
  readonly #graph: FactGraph;
  readonly #content: TableContent<Item>;
  readonly #keys = new Map<string, Origin>();
  readonly #any: Origin;
  readonly #emptiness: Origin;
  readonly #indexes: Index<Item, unknown>[] = [];
  /** Filled by the first who asks for more than one item. */
  #items: Map<string, Item> | undefined;
  #sorted: SortedValues<Item> | undefined;

  constructor(graph: FactGraph, content: TableContent<Item>) {
    this.#graph = graph;
    this.#content = content;
    this.#any = new Origin(graph);
    this.#emptiness = new Origin(graph);
  }

  get(key: string): Item | undefined {
    let origin = this.#keys.get(key);
    if (origin === undefined) {
      origin = new Origin(this.#graph, () => this.#keys.delete(key));
      this.#keys.set(key, origin);
    }
    origin.read();
    return this.#content.get(key);
  }

  /** All items, in the order of their keys. Whoever reads this is made anew with every change of any. */
  all(): readonly Item[] {
    this.#any.read();
    return (this.#sorted ??= new SortedValues(this.#loaded())).values;
  }

  /** Whether there is any item. */
  isEmpty(): boolean {
    this.#emptiness.read();
    return this.#loaded().size === 0;
  }

  /** An index that is kept up to date from now on. Make it once. `entriesOf` is a function of the item and its key alone. */
  index<Value>(entriesOf: (item: Item, key: string) => Iterable<IndexEntry<Value>>): Index<Item, Value> {
    const index = new Index<Item, Value>(this.#graph, entriesOf, () => this.#loaded());
    this.#indexes.push(index as Index<Item, unknown>);
    return index;
  }

  /** The item of that key is another one, is new, or is gone. */
  changed(key: string): void {
    if (this.#items) {
      const before = this.#items.get(key);
      const now = this.#content.get(key);
      const wasEmpty = this.#items.size === 0;
      if (now) this.#items.set(key, now);
      else this.#items.delete(key);
      if (before !== now) {
        if (now) this.#sorted?.set(key, now);
        else this.#sorted?.delete(key);
        for (const index of this.#indexes) index.replace(key, before, now);
      }
      if (wasEmpty !== (this.#items.size === 0)) this.#emptiness.changed();
    }
    this.#keys.get(key)?.changed();
    this.#any.changed();
  }

  /** Any item may be another one: finds out which. Looks at all of them. */
  reload(): void {
    if (this.#items === undefined) {
      for (const key of this.#keys.keys()) this.changed(key);
      return;
    }
    const now = new Map(this.#content.list());
    const keys = new Set([...now.keys(), ...this.#items.keys(), ...this.#keys.keys()]);
    for (const key of keys) if (this.#items.get(key) !== now.get(key)) this.changed(key);
  }

  #loaded(): ReadonlyMap<string, Item> {
    return (this.#items ??= new Map(this.#content.list()));
  }
}
