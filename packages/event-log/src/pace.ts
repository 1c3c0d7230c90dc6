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

/** Of what another process is told of a log that grows: what each message costs it is the limit when there are many. */
export const followerPace = { burst: 16, everyMs: 10 };
/** So many records at once are worth their message: a follower that catches up is not held back. */
export const largeBatch = 100;

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
