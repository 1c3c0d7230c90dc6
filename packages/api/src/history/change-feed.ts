import type { ChangeSet, Verdict } from "@atoll/replica";
import { type KeyString, type ResourceDraft, type ResourceKey, keyOfChange, keyString, label, parseKeyString } from "@atoll/resource";
import type { ConfigStore, RevisionRecord } from "../ports.ts";

/** What one revision did to one resource, after everything that the change set said and that followed from it (a mesh's end takes all in it). */
export type Effect = { op: "put"; key: ResourceKey; resource: ResourceDraft } | { op: "delete"; key: ResourceKey };

/** A revision that changed something, or how far the feed has come without news. */
export interface FeedItem {
  revision: number;
  record?: RevisionRecord & { effects: Effect[] };
}

/** Absent: everything. */
export interface FeedFilter {
  kinds?: ReadonlySet<string>;
  meshes?: ReadonlySet<string>;
  names?: ReadonlySet<string>;
  zones?: ReadonlySet<string>;
}

/** How many records are held at once for one reader, however far behind it is. */
const batch = 100;

/**
 * Every accepted revision after `position` that changed what the filter names, in order, without end. A reader that takes its time is read
 * on for when it comes back: what it has yet to see stays in the log, not here.
 * @throws HistoryError where the log no longer holds what comes next.
 */
export async function* followChanges(
  config: Pick<ConfigStore, "revision" | "changeSets" | "watch">,
  position: number,
  filter: FeedFilter,
  signal: AbortSignal,
): AsyncGenerator<FeedItem> {
  let moved = Promise.withResolvers<void>();
  const wake = () => moved.resolve();
  const unwatch = config.watch(wake);
  signal.addEventListener("abort", wake);
  try {
    while (!signal.aborted) {
      // Anew before reading: what comes meanwhile is looked for at once.
      moved = Promise.withResolvers<void>();
      while (position < config.revision && !signal.aborted) {
        const to = Math.min(config.revision, position + batch);
        for (const record of await config.changeSets(position + 1, to)) {
          const effects = effectsOf(record).filter((effect) => passes(effect, filter));
          if (effects.length === 0) continue;
          position = record.revision;
          yield { revision: position, record: { ...record, effects } };
        }
        if (position === to) continue;
        position = to;
        yield { revision: position };
      }
      if (!signal.aborted) await moved.promise;
    }
  } finally {
    unwatch();
    signal.removeEventListener("abort", wake);
  }
}

/** In the order of the change set, whose last word on a resource counts; what followed from it comes last. */
export function effectsOf({ changeSet, verdict }: { changeSet: ChangeSet; verdict: Verdict }): Effect[] {
  if (!verdict.accepted) return [];
  const last = new Map<string, Effect>();
  for (const change of changeSet.changes) {
    const key = keyOfChange(change);
    const { type, name } = key;
    last.delete(keyString(key));
    last.set(keyString(key), change.op === "put" ? { op: "put", key, resource: change.resource } : { op: "delete", key });
    if (change.op === "put" || type !== "Mesh") continue;
    for (const [text, { key: inMesh }] of last) if (inMesh.mesh === name) last.set(text, { op: "delete", key: inMesh });
  }
  const changed = new Set<string>(verdict.changed);
  const said = [...last].flatMap(([text, effect]) => (changed.delete(text) ? [effect] : []));
  return [...said, ...[...changed].map((text): Effect => ({ op: "delete", key: parseKeyString(text as KeyString) }))];
}

/** Of a deleted resource nobody knows the zone any more: that filter lets it pass, so that nobody misses its end. */
function passes(effect: Effect, { kinds, meshes, names, zones }: FeedFilter): boolean {
  const { type, mesh, name } = effect.key;
  if (kinds && !kinds.has(type)) return false;
  if (meshes && !meshes.has(type === "Mesh" ? name : mesh)) return false;
  if (names && !names.has(name)) return false;
  if (!zones || effect.op === "delete") return true;
  return zones.has(type === "Zone" ? name : (effect.resource.labels?.[label.zone] ?? ""));
}
