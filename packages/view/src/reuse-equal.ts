import { equalValue } from "@atoll/facts";
import type { ProxyView } from "./proxy-view.ts";

/**
 * The next view of a proxy, with every part that equals the former one's replaced by the former one's object, and the former
 * view itself if nothing differs: whoever caches by identity does no work twice.
 */
export function reuseEqual(previous: ProxyView | undefined, next: ProxyView): ProxyView {
  if (!previous) return next;
  let same = equalValue(restOf(previous), restOf(next));
  const keep = <Part>(before: Part[], now: Part[], nameOf: (part: Part) => string): Part[] => {
    // Most parts are facts that many proxies share, and stand where they stood.
    if (now.length === before.length && now.every((part, index) => part === before[index])) return before;
    let byName: Map<string, Part> | undefined;
    const parts = now.map((part, index) => {
      if (part === before[index]) return part;
      byName ??= new Map(before.map((one) => [nameOf(one), one]));
      const former = byName.get(nameOf(part));
      return former !== undefined && equalValue(former, part) ? former : part;
    });
    const unchanged = parts.length === before.length && parts.every((part, index) => part === before[index]);
    same &&= unchanged;
    return unchanged ? before : parts;
  };
  const named = ({ name }: { name: string }): string => name;
  const { template = next.template } = equalValue(previous.template, next.template) ? previous : next;
  const view: ProxyView = {
    ...next,
    ...(template && { template }),
    listeners: keep(previous.listeners, next.listeners, named),
    routes: keep(previous.routes, next.routes, named),
    clusters: keep(previous.clusters, next.clusters, named),
    endpoints: keep(previous.endpoints, next.endpoints, ({ cluster }) => cluster),
    secrets: keep(previous.secrets, next.secrets, named),
    runtimes: keep(previous.runtimes, next.runtimes, named),
  };
  return same ? previous : view;
}

const restOf = ({ kind, mesh, name, zone, template, problems }: ProxyView) => ({ kind, mesh, name, zone, template, problems });
