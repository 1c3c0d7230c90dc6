import { setTimeout as delay } from "node:timers/promises";

export interface EventuallyOptions {
  /** How long to go on trying. */
  limitMs?: number;
  /** Pause between tries. */
  everyMs?: number;
}

/**
 * Waits until `condition` returns something truthy, and returns that. An error it throws counts as "not yet".
 * Fails after the limit with the last error, or with what was last returned.
 */
export async function eventually<T>(condition: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<NonNullable<T>> {
  const { limitMs = 5_000, everyMs = 10 } = options;
  const deadline = performance.now() + limitMs;
  for (;;) {
    let last: unknown;
    try {
      const result = await condition();
      if (result) return result;
      last = `it returned ${String(result)}`;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const reason = last instanceof Error ? last.message : String(last);
      throw new Error(`condition not met within ${limitMs} ms: ${reason}`, { cause: last });
    }
    await delay(everyMs);
  }
}
