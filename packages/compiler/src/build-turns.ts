/** How long proxies are built without letting anything else happen. */
const turnMs = 10;
/** One that takes longer to build than this rests for so many times as long, though never longer than that: what changes meanwhile comes together. */
const rest = { fromMs: 5, times: 2, mostMs: 250 };

export interface BuildTurnsOptions {
  /** Builds one; false = it came out as before, undefined = it is gone. */
  build: (nodeId: string) => boolean | undefined;
  /** All that was due has been built. */
  onDone: (spent: { built: number; changed: number; durationMs: number }) => void;
  /** Milliseconds of a monotonic clock. */
  clock: () => number;
}

/**
 * Who is to be built, and when: for as long as one turn of the event loop may take, then others have theirs: pushes, acknowledgements, new
 * changes. Those that are first go first. Who is large and changes all the time, such as the ingress of a zone in which a thousand
 * services come up, is built for a part of the time, and the others in the rest of it.
 */
export class BuildTurns {
  readonly #options: BuildTurnsOptions;
  readonly #first = new Set<string>();
  readonly #others = new Set<string>();
  readonly #restUntil = new Map<string, number>();
  #spent: Parameters<BuildTurnsOptions["onDone"]>[0] | undefined;
  #next: NodeJS.Immediate | undefined;
  #rested: NodeJS.Timeout | undefined;

  constructor(options: BuildTurnsOptions) {
    this.#options = options;
  }

  /** How many wait to be built. */
  get waiting(): number {
    return this.#first.size + this.#others.size;
  }

  get isUnderWay(): boolean {
    return this.#spent !== undefined;
  }

  add(nodeId: string, isFirst: boolean): void {
    (isFirst ? this.#first : this.#others).add(nodeId);
  }

  /** It is built as soon as it is due: nobody has seen it before. */
  forget(nodeId: string): void {
    this.#restUntil.delete(nodeId);
  }

  close(): void {
    clearImmediate(this.#next);
    clearTimeout(this.#rested);
  }

  work(): void {
    const { build, clock, onDone } = this.#options;
    const spent = (this.#spent ??= { built: 0, changed: 0, durationMs: 0 });
    const began = clock();
    let now = began;
    let next = Infinity;
    for (const due of [this.#first, this.#others]) {
      for (const nodeId of due) {
        if (now - began > turnMs) {
          next = now;
          break;
        }
        const restUntil = this.#restUntil.get(nodeId) ?? 0;
        if (restUntil > now) {
          next = Math.min(next, restUntil);
          continue;
        }
        due.delete(nodeId);
        this.#restUntil.delete(nodeId);
        const changed = build(nodeId);
        const tookMs = -now + (now = clock());
        if (changed === undefined) continue;
        spent.built++;
        if (changed) spent.changed++;
        if (tookMs > rest.fromMs) this.#restUntil.set(nodeId, now + Math.min(rest.times * tookMs, rest.mostMs));
      }
    }
    spent.durationMs += now - began;
    if (this.waiting > 0) return this.#goOn(next, now);
    this.#spent = undefined;
    onDone(spent);
  }

  /** In the next turn, or when the first of those that rest has rested. */
  #goOn(at: number, now: number): void {
    clearTimeout(this.#rested);
    if (at > now) {
      this.#rested = setTimeout(() => this.work(), at - now);
      return;
    }
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      this.work();
    });
  }
}
