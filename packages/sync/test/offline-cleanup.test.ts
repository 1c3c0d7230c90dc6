import { ResourceTable, type ChangeEvent } from "@atoll/replica";
import { keyString, type ResourceDraft, type ResourceKey } from "@atoll/resource";
import { beforeEach, expect, test } from "vitest";
import { OfflineCleanup } from "../src/index.ts";
import { ManualTime } from "./manual-time.ts";

class WatchedTable extends ResourceTable {
  readonly #listeners = new Set<(event: ChangeEvent) => void>();
  watch(listener: (event: ChangeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  put(draft: ResourceDraft): void {
    this.set({ ...draft, creationTime: "", modificationTime: "", revision: 0 });
    for (const listener of this.#listeners) listener({ revision: 0, keys: [keyString(draft)] });
  }
  failure: Error | undefined;
  override delete(key: ResourceKey): never {
    if (this.failure !== undefined) return Promise.reject(this.failure) as never;
    return super.delete(key) as never;
  }
}

let time: ManualTime;
let resources: WatchedTable;
let removed: string[];
let errors: unknown[];
let cleanup: OfflineCleanup;
const at = (ms: number) => new Date(ms).toISOString();

function seen(type: string, name: string, ...subscriptions: [connectMs: number, disconnectMs?: number][]): void {
  const mesh = type === "Dataplane" ? "default" : "";
  resources.put({ type, mesh, name, spec: {} });
  const spec = {
    subscriptions: subscriptions.map(([connect, disconnect]) => ({
      connectTime: at(connect),
      ...(disconnect !== undefined && { disconnectTime: at(disconnect) }),
    })),
  };
  resources.put({ type: `${type}Insight`, mesh, name, spec });
}

const start = () =>
  new OfflineCleanup({
    resources,
    ages: { dataplaneMs: 1_000, zoneProxyMs: 5_000 },
    clock: time.clock,
    schedule: time.schedule,
    onRemoved: ({ type, name }) => removed.push(`${type} ${name}`),
    onError: (error) => errors.push(error),
  });

beforeEach(() => {
  time = new ManualTime();
  resources = new WatchedTable();
  removed = [];
  errors = [];
  cleanup = start();
});

/** Removals are done when their promises are. */
const after = async (ms: number) => {
  time.advance(ms);
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
};

test("what has been away for its age is removed with its insight, each kind after its own", async () => {
  seen("Dataplane", "gone", [0, 100], [200, 300]);
  seen("Dataplane", "here", [0, 100], [200]);
  seen("Dataplane", "never");
  seen("ZoneEgress", "gone", [0, 300]);
  await after(1_299);
  expect(removed).toEqual([]);
  await after(1);
  expect(removed).toEqual(["Dataplane gone"]);
  expect(resources.get("DataplaneInsight", "default", "gone")).toBeUndefined();
  await after(4_000);
  expect(removed).toEqual(["Dataplane gone", "ZoneEgress gone"]);
  await after(100_000);
  expect(resources.list("Dataplane").map(({ name }) => name)).toEqual(["here", "never"]);
});

test("one that came back stays, and its time begins anew when it goes", async () => {
  seen("Dataplane", "d", [0, 100]);
  await after(1_000);
  seen("Dataplane", "d", [0, 100], [1_000]);
  await after(10_000);
  expect(removed).toEqual([]);
  seen("Dataplane", "d", [0, 100], [1_000, 11_000]);
  await after(999);
  expect(removed).toEqual([]);
  await after(1);
  expect(removed).toEqual(["Dataplane d"]);
});

test("what a log does not take now is removed later", async () => {
  resources.failure = new Error("no writer at present");
  seen("Dataplane", "d", [0, 100]);
  await after(1_100);
  expect([removed, errors]).toEqual([[], [resources.failure]]);
  resources.failure = undefined;
  await after(60_000);
  expect(removed).toEqual(["Dataplane d"]);
});

test("what came due while nobody looked is removed at the start; nothing after the end", async () => {
  seen("Dataplane", "old", [0, 10]);
  cleanup.close();
  await after(50_000);
  expect(removed).toEqual([]);
  expect(time.pending).toBe(0);
  cleanup = start();
  await after(0);
  expect(removed).toEqual(["Dataplane old"]);
});
