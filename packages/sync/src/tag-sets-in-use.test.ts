import { inventoryKey, MemoryInventory, type InventoryChange, type InventoryEntry } from "@atoll/inventory";
import { ResourceTable } from "@atoll/replica";
import type { Resource } from "@atoll/resource";
import { beforeEach, expect, test } from "vitest";
import { TagSetsInUse } from "./tag-sets-in-use.ts";

const service = "kuma.io/service";
const time = "2026-01-01T00:00:00Z";
const table = new ResourceTable();
const inventory = new MemoryInventory();
let sets: TagSetsInUse;

const dataplane = (name: string, ...inbound: object[]): Resource => ({
  ...{ type: "Dataplane", mesh: "default", name, creationTime: time, modificationTime: time, revision: 1 },
  spec: { networking: { address: "10.0.0.1", inbound } },
});
const put = (one: Resource): boolean => {
  table.set(one);
  return sets.noteDataplane(one);
};
const remove = (name: string): boolean => {
  table.delete({ type: "Dataplane", mesh: "default", name });
  return sets.noteDataplane({ type: "Dataplane", mesh: "default", name });
};
const web = { port: 80, tags: { [service]: "web", version: "1" } };

beforeEach(() => {
  for (const { type, mesh, name } of table.list("Dataplane")) table.delete({ type, mesh, name });
  sets = new TagSetsInUse("west", table, inventory);
});

test("the first with a tag set and the last are noticed, and none between", () => {
  expect(put(dataplane("a", web))).toBe(true);
  expect(put(dataplane("b", { ...web, port: 81, tags: { version: "1", [service]: "web" } }))).toBe(false);
  expect(put(dataplane("a", { ...web, state: "NotReady" }))).toBe(false);
  expect(put(dataplane("a", { ...web, state: "Ignored" }))).toBe(false);
  expect(remove("a")).toBe(false);
  expect(put(dataplane("b", { ...web, tags: { [service]: "web" } }))).toBe(true);
  expect(remove("b")).toBe(true);
  expect(remove("b")).toBe(false);
});

test("of other zones, who is there is noticed, and not how many", async () => {
  const changes: InventoryChange[] = [];
  inventory.watch((change) => changes.push(change));
  const noticed = (): boolean => sets.noteOffers(changes.at(-1)!);
  const entry = (more: Partial<InventoryEntry>): InventoryEntry => ({
    ...{ zone: "east", mesh: "default", tags: { [service]: "far" }, instances: 1, ...more },
  });
  await inventory.put(entry({}));
  expect(noticed()).toBe(true);
  await inventory.put(entry({ instances: 5, gone: 1 }));
  expect(noticed()).toBe(false);
  await inventory.put(entry({ instances: 0, unready: true }));
  expect(noticed()).toBe(false);
  await inventory.put(entry({ instances: 0 }));
  expect(noticed()).toBe(true);
  await inventory.delete("east", inventoryKey(entry({})));
  expect(noticed()).toBe(false);
  expect(sets.noteOffers({ zone: "east", keys: null })).toBe(false);
  await inventory.put(entry({}));
  expect(sets.noteOffers({ zone: "east", keys: null })).toBe(true);
  expect(sets.ofMesh("default").named()).toEqual([{ [service]: "far" }]);
  await inventory.delete("east", inventoryKey(entry({})));
  expect(sets.noteOffers({ zone: "east", keys: null })).toBe(true);
  expect(sets.ofMesh("default").named()).toEqual([]);
  // What the zone itself offers is in its Dataplanes.
  await inventory.put(entry({ zone: "west" }));
  expect(sets.noteOffers({ zone: "west", keys: null })).toBe(false);
});
