import { isOfTemplate, type Withheld } from "./screened-part.ts";

/** What one Envoy turned out to refuse: ids of elements with its words, by `refusalKey`. */
export type Refusals = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Under this key stand an Envoy's refusals of a template's modifications. */
export const templateKey = "template";
export const refusalKey = (typeUrl: string, name: string): string => `${typeUrl} ${name}`;

/** With more elements of one resource. */
export function withRefusals(refusals: Refusals, typeUrl: string, name: string, elements: ReadonlyMap<string, string>): Refusals {
  const next = new Map([...refusals].map(([key, ids]) => [key, new Map(ids)] as const));
  for (const [id, reason] of elements) {
    const key = /^(?:modification|templateResource):/.test(id) ? templateKey : refusalKey(typeUrl, name);
    const ids = next.get(key) ?? new Map<string, string>();
    next.set(key, ids.set(id, reason));
  }
  return next;
}

/** Without what is not withheld any more, because it is gone or another. The same object if that is nothing. */
export function stillRefused(refusals: Refusals, withheld: readonly Withheld[]): Refusals {
  if (refusals.size === 0) return refusals;
  const present = new Set(
    withheld.map(
      ({ typeUrl, resource, element }) => `${isOfTemplate(element) ? templateKey : refusalKey(typeUrl, resource)} ${element.id}`,
    ),
  );
  let dropped = false;
  const next = new Map<string, ReadonlyMap<string, string>>();
  for (const [key, ids] of refusals) {
    const kept = new Map([...ids].filter(([id]) => present.has(`${key} ${id}`)));
    dropped ||= kept.size < ids.size;
    if (kept.size > 0) next.set(key, kept);
  }
  return dropped ? next : refusals;
}
