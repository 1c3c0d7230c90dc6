import { pause } from "./pause.ts";

export interface PaceOptions {
  /** So many turns may follow each other at once. */
  burst: number;
  /** After that, one each so often. */
  everyMs: number;
  /** Milliseconds that never go back. */
  clock?: () => number;
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Lets what comes now and then through at once, and holds back what comes without end, so that more of it goes together. What is held back
 * is late by `everyMs` at most.
 */
export class Pace {
  readonly #options: Required<PaceOptions>;
  /** Turns that may be taken at once, at that time. */
  #saved: number;
  #at: number;

  constructor(options: PaceOptions) {
    this.#options = { clock: () => performance.now(), wait: pause, ...options };
    this.#saved = options.burst;
    this.#at = this.#options.clock();
  }

  /** Resolves when it is the caller's turn, or `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const { burst, everyMs, clock, wait } = this.#options;
    const now = clock();
    this.#saved = Math.min(burst, this.#saved + (now - this.#at) / everyMs) - 1;
    this.#at = now;
    if (this.#saved < 0) await wait(-this.#saved * everyMs, signal);
  }
}
