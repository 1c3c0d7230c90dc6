import { Delay, type Timers } from "./delay.ts";

export interface KeyQueueOptions {
  /** Does what there is to do for a key, as it is by then. Rejects: once more, later. */
  readonly work: (key: string) => Promise<void>;
  /** How many keys are worked on at a time. */
  readonly concurrency: number;
  readonly timers: Timers;
  /** A key's work failed; it is tried again after `delayMs`, or earlier if it is added again. */
  readonly onError: (error: unknown, key: string, delayMs: number) => void;
}

const first = { firstMs: 100, maxMs: 60_000 };

/** Work by keys: each key once at a time, however often it is added meanwhile, and again after a failure, later each time. */
export class KeyQueue {
  readonly #options: KeyQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #retries = new Map<string, { delay: Delay; cancel: () => void }>();
  #idle = Promise.withResolvers<void>();
  #closed = false;
  #paused = true;

  constructor(options: KeyQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait or are worked on. */
  get size(): number {
    return this.#waiting.size + this.#working.size;
  }

  /** Keys whose work failed last. */
  get failing(): number {
    return this.#retries.size;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#waiting.add(key);
    this.#next();
  }

  /** Begins to work. */
  start(): void {
    this.#paused = false;
    this.#next();
  }

  /** Stops after what is worked on; what is added waits. */
  pause(): void {
    this.#paused = true;
  }

  /** Resolves when nothing is worked on, and nothing waits that may be. */
  async idle(): Promise<void> {
    while (this.#working.size > 0 || (this.#waiting.size > 0 && !this.#paused && !this.#closed)) await this.#idle.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const { cancel } of this.#retries.values()) cancel();
    this.#retries.clear();
    await this.idle();
  }

  #next(): void {
    while (!this.#paused && !this.#closed && this.#working.size < this.#options.concurrency) {
      const key = this.#ready();
      if (key === undefined) return;
      this.#waiting.delete(key);
      this.#working.add(key);
      void this.#work(key);
    }
  }

  /** The first key that nobody works on: what is added while it is worked on is worked on afterwards. */
  #ready(): string | undefined {
    for (const key of this.#waiting) if (!this.#working.has(key)) return key;
    return undefined;
  }

  async #work(key: string): Promise<void> {
    try {
      await this.#options.work(key);
      this.#retries.get(key)?.cancel();
      this.#retries.delete(key);
    } catch (error) {
      if (!this.#closed) this.#retry(key, error);
    } finally {
      this.#working.delete(key);
      this.#next();
      if (this.#working.size === 0) {
        this.#idle.resolve();
        this.#idle = Promise.withResolvers();
      }
    }
  }

  #retry(key: string, error: unknown): void {
    const { timers, onError } = this.#options;
    const former = this.#retries.get(key);
    former?.cancel();
    const delay = former?.delay ?? new Delay({ ...first, timers });
    const delayMs = delay.next();
    this.#retries.set(key, { delay, cancel: timers.after(delayMs, () => this.add(key)) });
    onError(error, key, delayMs);
  }
}
