import { anyValue } from "./selector.ts";
import type { Selector, Tags } from "./selector.ts";

/** Request header by which the destination's proxy knows the source's tags. */
export const kumaTagsHeader = "x-kuma-tags";

/** All values of each tag over a dataplane's inbounds (or of its gateway tags), keys and values sorted. */
export function collectTags(tagSets: readonly Tags[]): [key: string, values: string[]][] {
  const collected = new Map<string, Set<string>>();
  for (const tags of tagSets) {
    for (const [key, value] of Object.entries(tags)) collected.set(key, (collected.get(key) ?? new Set()).add(value));
  }
  return [...collected].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, values]) => [key, [...values].sort()]);
}

/** Value of the header for a source: `&key=value,value&` for each key in order. */
export const renderKumaTags = (tagSets: readonly Tags[]): string =>
  collectTags(tagSets)
    .map(([key, values]) => `&${key}=${values.join(",")}&`)
    .join("");

const escapeDots = (text: string): string => text.replaceAll(".", "\\.");

function selectorRegex(match: Tags | undefined): string {
  const parts = Object.entries(match ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => (value === anyValue ? `&${escapeDots(key)}=.*` : `&${escapeDots(key)}=[^&]*${escapeDots(value)}[,&].*`));
  return `.*${parts.join("")}`;
}

/** Regular expression over the whole header that accepts the sources of a policy. */
export function kumaTagsRegex(sources: readonly Selector[] | undefined): string {
  const regexes = (sources ?? []).map((selector) => selectorRegex(selector.match));
  return regexes.length === 1 ? regexes[0]! : regexes.length === 0 ? "" : `(${regexes.join("|")})`;
}
