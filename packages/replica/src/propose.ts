import type { KeyString, Resource } from "@atoll/resource";
import type { Change } from "./change-set.ts";
import { fold } from "./fold.ts";
import { ResourceTable } from "./resource-table.ts";

/** A copy of a folded state that nobody writes to: resources are shared, and what the original becomes does not show. */
export function copyOf(state: { all(): Iterable<Resource> }): ResourceTable {
  const copy = new ResourceTable();
  for (const resource of state.all()) copy.set(resource);
  return copy;
}

/** What a change set would make of a state, by the same fold, and the keys that come out different. */
export function propose(state: { all(): Iterable<Resource> }, changes: readonly Change[]): { state: ResourceTable; changed: KeyString[] } {
  const proposed = copyOf(state);
  const before = { get: proposed.get.bind(proposed), ofMesh: (mesh: string) => [...proposed.ofMesh(mesh)], verdictOf: () => undefined };
  const changeSet = { id: "proposed", at: new Date(0).toISOString(), author: "", changes: [...changes], expect: [] };
  const { writes, verdict } = fold(before, { revision: 0, changeSet });
  for (const { key, resource } of writes) {
    if (resource) proposed.set(resource);
    else proposed.delete(key);
  }
  return { state: proposed, changed: verdict.accepted ? verdict.changed : [] };
}
