import { Fact, type FactGraph } from "./fact-graph.ts";

/** Somebody outside of the graph who wants a fact kept up to date, and is told when it may not be. */
export class Watcher<Value> extends Fact<Value> {
  readonly #onSuspect: () => void;
  #seenAt = -1;

  /** `onSuspect` is called once when something that it was made from may have changed; look at it later, with `update`. */
  constructor(graph: FactGraph, make: () => Value, onSuspect: () => void) {
    super(graph, make, Object.is);
    this.#onSuspect = onSuspect;
  }

  /** The value now, and whether it was made anew since the last `update`. */
  update(): { value: Value; anew: boolean } {
    this.refresh();
    const anew = this.changedAt !== this.#seenAt || this.#seenAt === -1;
    this.#seenAt = this.changedAt;
    return { value: this.outcome, anew };
  }

  override suspected(): void {
    this.#onSuspect();
  }

  /** Nobody wants it any more. */
  close(): void {
    this.forget();
  }
}
