import { PartSearch } from "./part-search.ts";
import type { HeldResource } from "./push.ts";
import type { Division, EncodedResource } from "./snapshot.ts";

/** The search for what a client refuses of one resource: which form of it is to be sent next. */
export class OngoingSearch {
  /** Of the resource as a whole. */
  readonly version: string;
  /** What to send in place of the whole: the next trial, in the end what is good; undefined if nothing is. */
  offered: EncodedResource | undefined;
  readonly #division: Division;
  readonly #search: PartSearch;
  /** Forms that were answered. */
  readonly #answers = new Map<string, string | undefined>();

  constructor(resource: EncodedResource, division: Division, held: HeldResource | undefined, refusal: string) {
    this.version = resource.version;
    this.#division = division;
    const good = held?.divide?.().parts.map(({ id }) => id) ?? [];
    this.#search = new PartSearch(division.parts, new Set(good), refusal);
    this.#answers.set(resource.version, refusal);
    if (held) this.#answers.set(held.version, undefined);
    this.#offer();
  }

  get isOver(): boolean {
    return this.#search.trial === undefined;
  }

  /** Part -> the client's words. */
  get bad(): ReadonlyMap<string, string> {
    return this.#search.bad;
  }

  /** Whether this is the form whose answer the search waits for. */
  isTrial(resource: EncodedResource): boolean {
    return !this.isOver && this.offered?.version === resource.version;
  }

  /** The form that came out good is refused all the same: nothing is sent of this resource. */
  giveUp(): void {
    this.offered = undefined;
  }

  accepted(): void {
    this.#answers.set(this.offered!.version, undefined);
    this.#search.accepted();
    this.#offer();
  }

  refused(reason: string): void {
    this.#answers.set(this.offered!.version, reason);
    this.#search.refused(reason);
    this.#offer();
  }

  /** The next form that the client has not answered yet. Without any part there is nothing to refuse. */
  #offer(): void {
    for (let { trial } = this.#search; trial !== undefined; { trial } = this.#search) {
      const form = this.#division.of(trial);
      if (form !== undefined && !this.#answers.has(form.version)) {
        this.offered = form;
        return;
      }
      const refusal = form && this.#answers.get(form.version);
      if (refusal === undefined) this.#search.accepted();
      else this.#search.refused(refusal);
    }
    this.offered = this.#division.of(this.#search.good);
  }
}
