import { type KeyString, type Resource, type ResourceKey, keyString, parseKeyString } from "@atoll/resource";
import type { ChangeSet, Verdict } from "./change-set.ts";
import { equalValue } from "./equal-value.ts";

/** What the fold may look at. `ConfigState` is one. */
export interface FoldState {
  get(type: string, mesh: string, name: string): Resource | undefined;
  ofMesh(mesh: string): Iterable<Resource>;
  verdictOf(id: string): Verdict | undefined;
}

export interface FoldRecord {
  /** Offset in `atoll.config` + 1. */
  revision: number;
  changeSet: ChangeSet;
}

export interface Write {
  key: ResourceKey;
  /** null = the resource is gone. */
  resource: Resource | null;
}

export interface Outcome {
  id: string;
  verdict: Verdict;
  /** Net effect, one entry per key; empty when rejected. */
  writes: readonly Write[];
  /** This id was decided before: the verdict is that of the first time, and nothing happens. */
  repeated: boolean;
}

/**
 * Decides one change set against the state before it. Pure: every process that folds the same log comes to the same verdicts,
 * and that is what makes any number of global replicas safe without a leader.
 *
 * - Any `expect` that does not hold rejects the whole set.
 * - A put keeps the creation time of the resource it replaces, and moves its modification time and revision even if the value is
 *   equal; such a key is not in `changed`.
 * - Deleting a Mesh deletes everything in it. Deleting what is absent is no error.
 */
export function fold(state: FoldState, record: FoldRecord): Outcome {
  const { revision, changeSet } = record;
  const earlier = state.verdictOf(changeSet.id);
  if (earlier) return { id: changeSet.id, verdict: earlier, writes: [], repeated: true };

  for (const { key, revision: expected } of changeSet.expect) {
    const { type, mesh, name } = parseKeyString(key);
    const actual = state.get(type, mesh, name)?.revision ?? null;
    if (actual !== expected) {
      const verdict: Verdict = { accepted: false, revision, conflict: { key, expected, actual } };
      return { id: changeSet.id, verdict, writes: [], repeated: false };
    }
  }

  const pending = new Map<KeyString, Write>();
  const current = (key: ResourceKey): Resource | undefined => {
    const write = pending.get(keyString(key));
    return write ? (write.resource ?? undefined) : state.get(key.type, key.mesh, key.name);
  };
  const remove = ({ type, mesh, name }: ResourceKey): void => {
    const key = { type, mesh, name };
    if (current(key)) pending.set(keyString(key), { key, resource: null });
  };

  for (const change of changeSet.changes) {
    if (change.op === "put") {
      const { type, mesh, name, labels, spec } = change.resource;
      const key = { type, mesh, name };
      pending.set(keyString(key), {
        key,
        resource: {
          ...key,
          ...(labels ? { labels } : {}),
          spec,
          creationTime: current(key)?.creationTime ?? changeSet.at,
          modificationTime: changeSet.at,
          revision,
        },
      });
      continue;
    }
    remove(change.key);
    if (change.key.type === "Mesh") {
      for (const resource of state.ofMesh(change.key.name)) remove(resource);
      for (const { key } of [...pending.values()]) if (key.mesh === change.key.name) remove(key);
    }
  }

  const writes: Write[] = [];
  const changed: KeyString[] = [];
  for (const [key, write] of pending) {
    const before = state.get(write.key.type, write.key.mesh, write.key.name);
    if (!before && !write.resource) continue;
    writes.push(write);
    if (!before || !write.resource || !equalValue(before, write.resource)) changed.push(key);
  }
  return { id: changeSet.id, verdict: { accepted: true, revision, changed: changed.sort() }, writes, repeated: false };
}
