import type { Schedule } from "../src/index.ts";

/** A clock that moves when told, and the timers that hang on it. */
export class ManualTime {
  #now = 0;
  readonly #timers = new Set<{ at: number; task: () => void }>();

  readonly clock = (): number => this.#now;

  readonly schedule: Schedule = (task, delayMs) => {
    const timer = { at: this.#now + delayMs, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.task();
    }
    this.#now = until;
  }
}
