/** Random numbers that a seed decides: the same ones on every machine. */
export class Random {
  #state: number;

  constructor(seed: number | string) {
    this.#state = 0x9e3779b9;
    for (const char of String(seed)) this.#state = Math.imul(this.#state ^ char.charCodeAt(0), 0x85ebca6b) >>> 0;
    for (let turn = 0; turn < 8; turn += 1) this.next();
  }

  /** In [0, 1). Mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** In [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Another sequence that what is drawn here later does not change. */
  fork(name: string): Random {
    return new Random(`${this.below(2 ** 31)}/${name}`);
  }

  bytes(into: Uint8Array): void {
    for (let index = 0; index < into.length; index += 1) into[index] = this.below(256);
  }
}
