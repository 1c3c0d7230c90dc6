import type { Tags } from "@atoll/policy";
import { tag, type DataplaneSpec } from "@atoll/resource";

interface Counted {
  readonly tags: Tags;
  count: number;
}

/** What of a Dataplane counts here. */
export type Inbounds = { networking: Pick<DataplaneSpec["networking"], "inbound"> };

/** Port of an inbound that stands for "no service here". */
const serviceLessPort = 49_151;

/**
 * The tag sets that somebody has in a mesh, each once: all that names and protocols depend on of a zone's Dataplanes and of what other zones
 * offer, so that one more instance of what is there already concerns nobody.
 */
export class TagSets {
  readonly #named = new Map<string, Counted>();
  /** Of workloads without a service, which have a protocol and no name. */
  readonly #unnamed = new Map<string, Counted>();
  #sorted: readonly Tags[] | undefined;

  /** Those of instances that get names, in the order of their texts. The array stays the same until one comes or goes. */
  named(): readonly Tags[] {
    this.#sorted ??= [...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { tags }]) => tags);
    return this.#sorted;
  }

  *all(): Generator<Tags> {
    for (const { tags } of this.#named.values()) yield tags;
    for (const { tags } of this.#unnamed.values()) yield tags;
  }

  /** Whether it is the first of its tag set. */
  add(tags: Tags): boolean {
    return this.#count(this.#named, tags, 1);
  }

  /** Whether it was the last of its tag set. */
  remove(tags: Tags): boolean {
    return this.#count(this.#named, tags, -1);
  }

  /** Whether a tag set came or went. */
  replaceDataplane(before: Inbounds | undefined, now: Inbounds | undefined): boolean {
    let changed = false;
    // What is there before and after is first counted twice, so that it never looks gone.
    for (const [one, by] of [
      [now, 1],
      [before, -1],
    ] as const) {
      for (const { port, state, tags = {} } of one?.networking.inbound ?? []) {
        if (state === "Ignored") continue;
        if (this.#count(port === serviceLessPort ? this.#unnamed : this.#named, tags, by)) changed = true;
      }
    }
    return changed;
  }

  #count(sets: Map<string, Counted>, tags: Tags, by: 1 | -1): boolean {
    if (!tags[tag.service]) return false;
    const text = tagText(tags);
    const known = sets.get(text);
    if (known) known.count += by;
    else sets.set(text, { tags, count: by });
    if (known && known.count > 0) return false;
    if (known) sets.delete(text);
    if (sets === this.#named) this.#sorted = undefined;
    return true;
  }
}

const tagTexts = new WeakMap<Tags, string>();

/** Equal for equal tag sets. Remembered by identity. */
function tagText(tags: Tags): string {
  let text = tagTexts.get(tags);
  if (text === undefined) tagTexts.set(tags, (text = JSON.stringify(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)))));
  return text;
}
