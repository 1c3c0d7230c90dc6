/** Time, as an argument. */
export interface Timers {
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Calls back once after `ms`; answers how to call it off. */
  after(ms: number, callback: () => void): () => void;
}

export const systemTimers: Timers = {
  now: Date.now,
  random: Math.random,
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or when the signal aborts. */
export function wait(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Waits that double with every failure, half of each by chance. */
export class Delay {
  readonly #options: { firstMs: number; maxMs: number; timers: Timers };
  #ceilingMs: number;

  constructor(options: { firstMs: number; maxMs: number; timers: Timers }) {
    this.#options = options;
    this.#ceilingMs = options.firstMs;
  }

  next(): number {
    const { timers, maxMs } = this.#options;
    const ms = (this.#ceilingMs * (1 + timers.random())) / 2;
    this.#ceilingMs = Math.min(this.#ceilingMs * 2, maxMs);
    return ms;
  }

  reset(): void {
    this.#ceilingMs = this.#options.firstMs;
  }

  wait(signal: AbortSignal): Promise<void> {
    return wait(this.#options.timers, this.next(), signal);
  }
}
