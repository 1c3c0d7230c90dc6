/**
 * The newest so many entries, by key, oldest first. A `Map` alone would do, were it not slow at finding its first entry after many of those
 * before it were deleted. A key is set once.
 */
export class RecentMap<Key, Value> {
  readonly #entries = new Map<Key, Value>();
  readonly #keys: Key[] = [];
  readonly #most: number;
  /** Where the oldest key is, once there are as many as may be. */
  #oldest = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  set(key: Key, value: Value): void {
    const isNew = !this.#entries.has(key);
    this.#entries.set(key, value);
    if (!isNew) return;
    if (this.#keys.length < this.#most) {
      this.#keys.push(key);
      return;
    }
    this.#entries.delete(this.#keys[this.#oldest]!);
    this.#keys[this.#oldest] = key;
    this.#oldest = (this.#oldest + 1) % this.#most;
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.#entries.entries();
  }
}
