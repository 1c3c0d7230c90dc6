/** A part that can be left out; without it its descendants are left out, too. */
export interface Part {
  readonly id: string;
  readonly parent: string | undefined;
}

/** More trials than this are not made: what is still suspected then counts as bad. */
const trialLimit = 64;

/** Suspects, and what was said when they were refused on top of what is good; undefined if that has not been tried. */
interface Group {
  readonly suspects: readonly string[];
  readonly refusal: string | undefined;
}

/**
 * Finds which parts of something are refused, by trials. Each is what is known to be good and some more, so nothing good is taken away
 * from whoever has it meanwhile. With k bad parts among n it takes about k log n trials. Parts come in an order in which parents are first;
 * of two that are refused only together the first stays.
 */
export class PartSearch {
  readonly good: Set<string>;
  /** Part -> what was said of it. Of the descendants of a bad one nothing is said. */
  readonly bad = new Map<string, string>();
  readonly #parents: ReadonlyMap<string, string | undefined>;
  /** What is to be looked at, the next one last. */
  readonly #groups: Group[];
  #tried: readonly string[] | undefined;
  /** What was refused together with `tried`, and in which words; nothing if those were not refused. */
  #rest: Group = { suspects: [], refusal: undefined };
  #trials = 0;

  /** All parts together were refused. Those of `good` were accepted before, in something else. */
  constructor(parts: readonly Part[], good: ReadonlySet<string>, refusal: string) {
    this.#parents = new Map(parts.map(({ id, parent }) => [id, parent]));
    const ids = [...this.#parents.keys()];
    const fresh = ids.filter((id) => !good.has(id));
    // If nothing is new, what was good is not good together.
    this.good = new Set(fresh.length === 0 ? [] : ids.filter((id) => good.has(id)));
    this.#groups = [{ suspects: fresh.length === 0 ? ids : fresh, refusal }];
    this.#next();
  }

  /** The parts to try next; undefined when everything bad is found, and the rest is good. */
  get trial(): ReadonlySet<string> | undefined {
    return this.#tried && new Set([...this.good, ...this.#tried]);
  }

  accepted(): void {
    for (const id of this.#tried ?? []) this.good.add(id);
    this.#groups.push(this.#rest);
    this.#next();
  }

  refused(message: string): void {
    // Nothing is known of the rest: it was refused in bad company.
    this.#groups.push({ suspects: this.#rest.suspects, refusal: undefined }, { suspects: this.#tried ?? [], refusal: message });
    this.#next();
  }

  #next(): void {
    this.#tried = undefined;
    for (let group = this.#groups.pop(); group !== undefined; group = this.#groups.pop()) {
      const suspects = group.suspects.filter((id) => !this.#isWithoutParent(id));
      if (suspects.length === 0) continue;
      const { refusal } = group;
      const gaveUp = this.#trials >= trialLimit;
      if (gaveUp || (refusal !== undefined && suspects.length === 1)) {
        for (const id of suspects) if (!this.#isWithoutParent(id)) this.bad.set(id, refusal ?? "not tried any more");
        continue;
      }
      this.#trials += 1;
      const half = refusal === undefined ? suspects.length : Math.ceil(suspects.length / 2);
      this.#tried = suspects.slice(0, half);
      this.#rest = { suspects: suspects.slice(half), refusal };
      return;
    }
  }

  #isWithoutParent(id: string): boolean {
    for (let at = this.#parents.get(id); at !== undefined; at = this.#parents.get(at)) if (this.bad.has(at)) return true;
    return false;
  }
}
