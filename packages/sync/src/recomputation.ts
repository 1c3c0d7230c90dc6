/**
 * Runs `compute` after each request, one at a time; requests that come while it runs are covered by one further run. Whoever made the change is
 * answered first, and what came with it is part of it: a run begins in a later turn of the event loop.
 */
export class Recomputation {
  readonly #compute: () => Promise<void>;
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  #isDirty = false;
  #hasFailed = false;
  #running: Promise<void> | undefined;

  constructor(compute: () => Promise<void>, signal: AbortSignal, onError: (error: unknown) => void) {
    this.#compute = compute;
    this.#signal = signal;
    this.#onError = onError;
  }

  /** The last run failed: request another when the log may be back. */
  get isBehind(): boolean {
    return this.#hasFailed;
  }

  request(): void {
    this.#isDirty = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** Resolves when everything that was requested has been computed. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isDirty && !this.#signal.aborted) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#signal.aborted) return;
      this.#isDirty = false;
      try {
        await this.#compute();
        this.#hasFailed = false;
      } catch (error) {
        this.#hasFailed = true;
        if (!this.#signal.aborted) this.#onError(error);
      }
    }
  }
}
