import { equalValue } from "./equal-value.ts";
import { Fact, type FactGraph } from "./fact-graph.ts";

/** Facts of one kind, one for each key that somebody reads: as narrow as its readers ask. */
export class Family<Value> {
  readonly #graph: FactGraph;
  readonly #make: (key: string) => Value;
  readonly #equal: (a: Value, b: Value) => boolean;
  readonly #facts = new Map<string, Fact<Value>>();

  /** `make` may depend on nothing but the key, what it reads of the graph, and what never changes. */
  constructor(graph: FactGraph, make: (key: string) => Value, equal: (a: Value, b: Value) => boolean = equalValue) {
    this.#graph = graph;
    this.#make = make;
    this.#equal = equal;
  }

  get(key: string): Value {
    return this.fact(key).get();
  }

  /** The fact itself, for who will ask for its value elsewhere. */
  fact(key: string): Fact<Value> {
    let fact = this.#facts.get(key);
    if (fact === undefined) {
      fact = new Fact(
        this.#graph,
        () => this.#make(key),
        this.#equal,
        () => this.#facts.delete(key),
      );
      this.#facts.set(key, fact);
    }
    return fact;
  }

  get size(): number {
    return this.#facts.size;
  }
}

/** Facts by a text that says everything that tells them apart. */
export class SharedFacts {
  readonly #graph: FactGraph;
  readonly #facts = new Map<string, Fact<unknown>>();

  constructor(graph: FactGraph) {
    this.#graph = graph;
  }

  /**
   * The fact of that key, made by `make` of whoever asked first. So `make` may use nothing of its surroundings that the key does not tell:
   * whatever else it needs, it reads anew from the graph.
   */
  share<Value>(key: string, make: () => Value): Value {
    return this.fact(key, make).get();
  }

  /** The fact itself, for who will ask for its value elsewhere. */
  fact<Value>(key: string, make: () => Value): Fact<Value> {
    let fact = this.#facts.get(key) as Fact<Value> | undefined;
    if (fact === undefined) {
      fact = new Fact<Value>(this.#graph, make, equalValue, () => this.#facts.delete(key));
      this.#facts.set(key, fact as Fact<unknown>);
    }
    return fact;
  }

  get size(): number {
    return this.#facts.size;
  }
}
