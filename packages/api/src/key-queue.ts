import { type KeyString, type ResourceKey, keyString } from "@atoll/resource";

/** Runs tasks of one key one after the other, and tasks of different keys side by side. */
export class KeyQueue {
  readonly #last = new Map<KeyString, Promise<void>>();

  async run<Result>(keys: readonly ResourceKey[], task: () => Promise<Result>): Promise<Result> {
    const names = [...new Set(keys.map(keyString))];
    const earlier = names.flatMap((name) => this.#last.get(name) ?? []);
    const { promise: done, resolve } = Promise.withResolvers<void>();
    // All keys are taken in the same turn, so that two tasks can not wait for each other.
    for (const name of names) this.#last.set(name, done);
    try {
      await Promise.all(earlier);
      return await task();
    } finally {
      for (const name of names) if (this.#last.get(name) === done) this.#last.delete(name);
      resolve();
    }
  }
}
