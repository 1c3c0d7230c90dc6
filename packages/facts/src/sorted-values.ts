/** Values in the order of their keys. Arrays that were handed out never change: each change makes a new one, which costs a copy and no sorting. */
export class SortedValues<Value> {
  #keys: string[];
  #values: Value[];

  constructor(entries: Iterable<readonly [key: string, value: Value]>) {
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    this.#keys = sorted.map(([key]) => key);
    this.#values = sorted.map(([, value]) => value);
  }

  get values(): readonly Value[] {
    return this.#values;
  }

  set(key: string, value: Value): void {
    const at = this.#find(key);
    const known = this.#keys[at] === key ? 1 : 0;
    if (known === 0) this.#keys.splice(at, 0, key);
    this.#values = this.#values.toSpliced(at, known, value);
  }

  delete(key: string): void {
    const at = this.#find(key);
    if (this.#keys[at] !== key) return;
    this.#keys.splice(at, 1);
    this.#values = this.#values.toSpliced(at, 1);
  }

  /** Where the key is, or would be. */
  #find(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
