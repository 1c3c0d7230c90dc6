/** So many are handed over in one turn of the event loop; then others have theirs. */
const turn = 32;

/** Gathers items for some time, and then hands them over: one timer for all of them, however many they are. */
export class Gathered<Item> {
  readonly #delayMs: number;
  readonly #take: (item: Item) => void;
  readonly #items = new Set<Item>();
  #timer: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;

  /** They are handed over this long after the first of them has come. */
  constructor(delayMs: number, take: (item: Item) => void) {
    this.#delayMs = delayMs;
    this.#take = take;
  }

  add(item: Item): void {
    this.#items.add(item);
    if (this.#next === undefined) this.#timer ??= setTimeout(() => this.#handOver(this.#items.size), this.#delayMs);
  }

  delete(item: Item): void {
    this.#items.delete(item);
  }

  close(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#next);
    this.#items.clear();
  }

  /** Those that come meanwhile have their own time. */
  #handOver(left: number): void {
    this.#timer = undefined;
    this.#next = undefined;
    let taken = 0;
    for (const item of this.#items) {
      if (taken === Math.min(turn, left)) break;
      this.#items.delete(item);
      taken++;
      this.#take(item);
    }
    if (taken < left && this.#items.size > 0) this.#next = setImmediate(() => this.#handOver(left - taken));
    else if (this.#items.size > 0) this.#timer ??= setTimeout(() => this.#handOver(this.#items.size), this.#delayMs);
  }
}
