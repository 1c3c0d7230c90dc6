import { equalValue } from "./equal-value.ts";

/**
 * Parts of views that many proxies share, each built once. A successor starts empty, but hands out its predecessor's object
 * when the newly built one is equal, so that whoever caches by object identity stays warm across changes.
 */
export class Memo {
  readonly #parts = new Map<string, object>();
  #previous: ReadonlyMap<string, object> | undefined;

  constructor(previous?: Memo) {
    this.#previous = previous?.parts;
  }

  get parts(): ReadonlyMap<string, object> {
    return this.#parts;
  }

  /** The part of that key; `build` runs at most once and must depend on nothing but the key and this memo's context. */
  share<Part extends object>(key: string, build: () => Part): Part {
    const present = this.#parts.get(key);
    if (present) return present as Part;
    const built = build();
    const before = this.#previous?.get(key);
    const kept = before && equalValue(before, built) ? (before as Part) : built;
    this.#parts.set(key, kept);
    return kept;
  }
}
