import { expect, it } from "vitest";
import { SnapshotCache } from "./snapshot-cache.ts";
import type { Snapshot } from "./snapshot.ts";

const snapshot = (revision: number): Snapshot => ({ revision, resources: new Map() });

it("wakes a watcher once per tick, with the newest snapshot of its node", async () => {
  const cache = new SnapshotCache();
  const seen: number[] = [];
  const stop = cache.watch("a", ({ revision }) => seen.push(revision));
  cache.set("a", snapshot(1));
  cache.set("a", snapshot(2));
  cache.set("b", snapshot(3));
  expect(seen).toEqual([]);
  await Promise.resolve();
  expect(seen).toEqual([2]);
  stop();
  cache.set("a", snapshot(4));
  await Promise.resolve();
  expect([seen, cache.get("a")?.revision]).toEqual([[2], 4]);
});

it("forgets a node without telling its watchers", async () => {
  const cache = new SnapshotCache();
  const seen: number[] = [];
  cache.watch("a", ({ revision }) => seen.push(revision));
  cache.set("a", snapshot(1));
  cache.setAckedRevision("a", 1);
  cache.clear("a");
  await Promise.resolve();
  expect([seen, cache.get("a"), cache.ackedRevision("a"), cache.nodeIds()]).toEqual([[], undefined, 0, []]);
});
