/** Runs `task` once after `delayMs`; returns the function that calls it off. */
export type Schedule = (task: () => void, delayMs: number) => () => void;

export const scheduleTimeout: Schedule = (task, delayMs) => {
  const timer = setTimeout(task, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};

export interface LivenessJudgeOptions {
  /** A zone not heard of for so long is dead. */
  graceMs: number;
  /** Milliseconds; only differences count. */
  clock: () => number;
  schedule: Schedule;
  /** Called with the dead zones, sorted, when they are others than before. */
  onVerdict: (dead: readonly string[]) => void;
}

/**
 * Judges zones by when their heartbeats arrive here; clocks of other machines play no part. While this process itself is cut off from
 * upstream it hears of nobody, and judges nobody: all are live, and after it is back each has the whole grace time again.
 */
export class LivenessJudge {
  readonly #options: LivenessJudgeOptions;
  readonly #heard = new Map<string, number>();
  #connected = false;
  #dead: readonly string[] = [];
  #cancel: (() => void) | undefined;

  constructor(options: LivenessJudgeOptions) {
    this.#options = options;
  }

  get dead(): readonly string[] {
    return this.#dead;
  }

  /** A zone became known, or its heartbeat arrived. */
  hear(zone: string): void {
    this.#heard.set(zone, this.#options.clock());
    if (this.#dead.includes(zone)) this.#judge();
    else if (this.#cancel === undefined) this.#arm();
  }

  forget(zone: string): void {
    this.#heard.delete(zone);
    this.#judge();
  }

  connected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    const now = this.#options.clock();
    for (const zone of this.#heard.keys()) this.#heard.set(zone, now);
    this.#judge();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#connected = false;
    this.#heard.clear();
  }

  #judge(): void {
    const { clock, graceMs, onVerdict } = this.#options;
    const limit = clock() - graceMs;
    const dead = this.#connected ? [...this.#heard].filter(([, at]) => at <= limit).map(([zone]) => zone) : [];
    dead.sort();
    const changed = dead.join() !== this.#dead.join();
    this.#dead = dead;
    this.#arm();
    if (changed) onVerdict(dead);
  }

  /** One timer, for the live zone that would be the first to die. */
  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (!this.#connected) return;
    const { clock, graceMs, schedule } = this.#options;
    const times = [...this.#heard].filter(([zone]) => !this.#dead.includes(zone)).map(([, at]) => at);
    if (times.length === 0) return;
    this.#cancel = schedule(
      () => {
        this.#cancel = undefined;
        this.#judge();
      },
      Math.max(1, Math.min(...times) + graceMs - clock()),
    );
  }
}
