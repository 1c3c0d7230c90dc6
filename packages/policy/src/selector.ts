/** Tags of an inbound, a gateway, a listener or a destination. */
export type Tags = Readonly<Record<string, string>>;

/** One entry of a policy's `sources`, `destinations` or `selectors`. */
export interface Selector {
  match?: Tags | undefined;
}

/** How specific a matching selector is. */
export interface Rank {
  exact: number;
  wildcard: number;
}

/** A selector value that any non-missing tag satisfies. */
export const anyValue = "*";

/** The rank a selector has wherever it matches: its own tags, counted. */
export function rankOf(match: Tags | undefined): Rank {
  let wildcard = 0;
  let all = 0;
  for (const key in match) {
    all++;
    if (match[key] === anyValue) wildcard++;
  }
  return { exact: all - wildcard, wildcard };
}

/** True if every tag of the selector is present in `tags`, equal or asked for with `*`. An empty selector matches everything. */
export function matchesTags(match: Tags | undefined, tags: Tags): boolean {
  for (const key in match) {
    const value = tags[key];
    if (value === undefined || (match[key] !== anyValue && match[key] !== value)) return false;
  }
  return true;
}

/** Positive if `a` is the more specific: more tags first, then more exact ones. */
export function compareRanks(a: Rank, b: Rank): number {
  return a.exact + a.wildcard - (b.exact + b.wildcard) || a.exact - b.exact;
}

/** The rank of a source and a destination together. */
export const combineRanks = (a: Rank, b: Rank): Rank => ({ exact: a.exact + b.exact, wildcard: a.wildcard + b.wildcard });

/** Rank of the first selector that matches, whatever the later ones would give; undefined if none does. */
export function firstMatch(selectors: readonly Selector[] | undefined, tags: Tags): Rank | undefined {
  const found = selectors?.find((selector) => matchesTags(selector.match, tags));
  return found && rankOf(found.match);
}

/** Best rank over all selectors and all tag sets; undefined if none matches. */
export function bestMatch(selectors: readonly Selector[] | undefined, tagSets: readonly Tags[]): Rank | undefined {
  let best: Rank | undefined;
  for (const { match } of selectors ?? []) {
    if (!tagSets.some((tags) => matchesTags(match, tags))) continue;
    const rank = rankOf(match);
    if (!best || compareRanks(rank, best) > 0) best = rank;
  }
  return best;
}
