/**
 * Facts that know what they were made from. A fact is a function of sources and of other facts; what it read when it was last made is
 * what it is made from. A source that changes marks what was made from it, and what was made from that, as suspect. A suspect fact that is
 * asked for looks at those of its sources alone that made it suspect, and is made anew only if one of them came out different; if
 * it then comes out equal, it keeps its former value and nobody further is made anew (Salsa's red and green with early cutoff).
 * Facts that nobody reads are forgotten by `collect`.
 */
export class FactGraph {
  /** Counts changes of sources: who was made at one count has seen all that changed before it. */
  #clock = 0;
  #reader: Fact<unknown> | undefined;
  readonly #unread = new Set<Source>();
  #made = 0;

  /** How often any fact was made, since the beginning. */
  get made(): number {
    return this.#made;
  }

  /** Forgets every fact that nobody reads. Call it when those who were made suspect have read again. */
  collect(): void {
    // What a forgotten fact was made from may come to be unread by that, and is appended while this runs.
    for (const source of this.#unread) {
      this.#unread.delete(source);
      if (source.readers.size === 0) source.forget();
    }
  }

  /** @internal */
  get clock(): number {
    return this.#clock;
  }

  /** @internal */
  tick(): number {
    return ++this.#clock;
  }

  /** @internal Notes that the fact which is being made has read the source. */
  note(source: Source): void {
    if (this.#reader) this.#reader.read(source);
    else if (source.readers.size === 0) this.#unread.add(source);
  }

  /** @internal */
  unread(source: Source): void {
    this.#unread.add(source);
  }

  /** @internal Runs what makes a fact; what it reads becomes its sources. */
  making<Value>(fact: Fact<unknown>, make: () => Value): Value {
    const before = this.#reader;
    this.#reader = fact;
    this.#made++;
    try {
      return make();
    } finally {
      this.#reader = before;
    }
  }
}

/** Something that facts are made from. */
export abstract class Source {
  /** @internal */
  readonly graph: FactGraph;
  /** @internal */
  readonly readers = new Set<Fact<unknown>>();
  /** @internal When its value last became another one. */
  changedAt: number;
  /** @internal In which making of a fact it was last read, so that one that reads it often notes it once. */
  readIn = 0;
  readonly #onForget: (() => void) | undefined;

  /** `onForget` is called when nobody reads it any more. */
  constructor(graph: FactGraph, onForget?: () => void) {
    this.graph = graph;
    this.changedAt = graph.clock;
    this.#onForget = onForget;
  }

  /** @internal Brings the value up to date. */
  abstract refresh(): void;

  /** @internal */
  forget(): void {
    this.#onForget?.();
  }
}

/** A part of the world outside of the graph. Whoever looks at that part reads it; whoever changes the part tells it. */
export class Origin extends Source {
  /** To be called by whoever looks at what this stands for. */
  read(): void {
    this.graph.note(this);
  }

  /** What this stands for is another now. */
  changed(): void {
    this.changedAt = this.graph.tick();
    for (const reader of this.readers) reader.suspect(this);
  }

  refresh(): void {}
}

type Outcome<Value> = { readonly value: Value } | { readonly error: unknown };
let makings = 0;

/** What a function of sources came out as. */
export class Fact<Value> extends Source {
  readonly #make: () => Value;
  readonly #equal: (a: Value, b: Value) => boolean;
  #outcome: Outcome<Value> | undefined;
  #sources: Source[] = [];
  /** Sources that may have changed; most of the time there are none. */
  #suspects: Set<Source> | undefined;
  #madeAt = 0;
  #making = 0;
  /** While it is made: how many sources are so far as they were, and all of them once one is not. */
  #same = 0;
  #next: Source[] | undefined;

  /**
   * `make` may depend on nothing but what it reads of the graph and what never changes. What it gives is not to be changed by
   * anybody. `equal` says of two values whether readers need not care.
   */
  constructor(graph: FactGraph, make: () => Value, equal: (a: Value, b: Value) => boolean, onForget?: () => void) {
    super(graph, onForget);
    this.#make = make;
    this.#equal = equal;
  }

  /** The value now. Throws what `make` threw. */
  get(): Value {
    if (this.#making > 0) throw new Error("a fact is made from itself");
    this.refresh();
    this.graph.note(this);
    return this.outcome;
  }

  /** @internal As it came out when it was last made. */
  protected get outcome(): Value {
    const outcome = this.#outcome!;
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  refresh(): void {
    if (this.#outcome === undefined) return this.#makeAnew();
    if (this.#suspects === undefined) return;
    for (const source of this.#suspects) {
      source.refresh();
      if (source.changedAt > this.#madeAt) return this.#makeAnew();
    }
    this.#suspects = undefined;
    this.#madeAt = this.graph.clock;
  }

  /** @internal */
  suspect(source: Source): void {
    if (this.#suspects !== undefined) {
      this.#suspects.add(source);
      return;
    }
    this.#suspects = new Set([source]);
    for (const reader of this.readers) reader.suspect(this);
    this.suspected();
  }

  /** @internal Called once when it becomes suspect. */
  suspected(): void {}

  /** @internal */
  read(source: Source): void {
    if (source.readIn === this.#making) return;
    source.readIn = this.#making;
    if (this.#next === undefined) {
      if (this.#sources[this.#same] === source) {
        this.#same++;
        return;
      }
      this.#next = this.#sources.slice(0, this.#same);
    }
    this.#next.push(source);
    source.readers.add(this as Fact<unknown>);
  }

  override forget(): void {
    this.#release(this.#sources);
    this.#sources = [];
    this.#suspects = undefined;
    this.#outcome = undefined;
    super.forget();
  }

  #makeAnew(): void {
    this.#suspects = undefined;
    this.#making = ++makings;
    this.#same = 0;
    this.#next = undefined;
    let outcome: Outcome<Value>;
    try {
      outcome = { value: this.graph.making(this as Fact<unknown>, this.#make) };
    } catch (error) {
      // An error is what it came out as: whoever reads it hears of it, and it is made anew when its sources change.
      outcome = { error };
    }
    this.#making = 0;
    this.#keepSources();
    this.#madeAt = this.graph.clock;
    const before = this.#outcome;
    if (before && "value" in before && "value" in outcome && this.#equal(before.value, outcome.value)) return;
    this.#outcome = outcome;
    this.changedAt = this.graph.clock;
  }

  #keepSources(): void {
    const before = this.#sources;
    const now = this.#next ?? before.slice(0, this.#same);
    this.#next = undefined;
    if (now.length === before.length && this.#same === before.length) return;
    this.#sources = now;
    const kept = new Set(now);
    this.#release(before.filter((source) => !kept.has(source)));
  }

  #release(sources: readonly Source[]): void {
    for (const source of sources) {
      source.readers.delete(this as Fact<unknown>);
      if (source.readers.size === 0) this.graph.unread(source);
    }
  }
}
