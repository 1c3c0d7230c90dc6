import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Inventory, type InventoryChange, type InventoryEntry, inventoryKey } from "../src/index.ts";

export interface InventoryUnderTest {
  inventory: Inventory;
  /** Resolves when every change made so far has reached `entries` and the listeners. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const entry = (zone: string, service: string, more: Partial<InventoryEntry> = {}): InventoryEntry => ({
  zone,
  mesh: "default",
  tags: { "kuma.io/service": service, "kuma.io/zone": zone },
  instances: 1,
  ...more,
});
const ingress = (zone: string, name: string, advertisedPort = 10001) => ({
  ...{ zone, name, advertisedAddress: "10.0.0.1", advertisedPort },
  networking: { address: "127.0.0.1", port: advertisedPort, admin: { port: 9901 } },
});

/** What every adapter of the port does alike. */
export function inventoryContract(name: string, open: () => Promise<InventoryUnderTest>): void {
  describe(`inventory: ${name}`, () => {
    let subject: InventoryUnderTest;
    let changes: InventoryChange[];

    beforeEach(async () => {
      subject = await open();
      changes = [];
      subject.inventory.watch((change) => changes.push(change));
    });
    afterEach(() => subject.close());

    test("an entry is read back by its zone, sorted by key", async () => {
      await subject.inventory.put(entry("east", "web"));
      await subject.inventory.put(entry("east", "api"));
      await subject.inventory.put(entry("west", "db"));
      await subject.settled();
      expect(subject.inventory.entries("east").map((e) => e.tags["kuma.io/service"])).toEqual(["api", "web"]);
      expect(subject.inventory.zones()).toEqual(["east", "west"]);
    });

    test("a put of the same tags replaces the count, an equal put wakes nobody", async () => {
      await subject.inventory.put(entry("east", "web"));
      await subject.inventory.put(entry("east", "web", { instances: 3 }));
      await subject.inventory.put(entry("east", "web", { instances: 3 }));
      await subject.settled();
      expect(subject.inventory.entries("east").map((e) => e.instances)).toEqual([3]);
      const change = { zone: "east", meshes: new Set(["default"]), keys: new Set([inventoryKey(entry("east", "web"))]) };
      expect(changes).toEqual([change, change]);
      expect([...subject.inventory.entriesByKey("east")]).toEqual(
        [...change.keys].map((key) => [key, entry("east", "web", { instances: 3 })]),
      );
    });

    test("an external service stands beside a service with the same tags", async () => {
      await subject.inventory.put(entry("east", "web"));
      await subject.inventory.put(entry("east", "web", { externalService: true }));
      await subject.settled();
      expect(subject.inventory.entries("east")).toHaveLength(2);
    });

    test("deleting removes one entry, deleting what is absent wakes nobody", async () => {
      await subject.inventory.put(entry("east", "web"));
      await subject.inventory.delete("east", inventoryKey(entry("east", "web")));
      await subject.inventory.delete("east", inventoryKey(entry("east", "web")));
      await subject.settled();
      expect(subject.inventory.entries("east")).toEqual([]);
      expect(subject.inventory.zones()).toEqual([]);
      expect(changes).toHaveLength(2);
    });

    test("ingresses concern every mesh", async () => {
      await subject.inventory.putIngress(ingress("east", "b"));
      await subject.inventory.putIngress(ingress("east", "a"));
      await subject.inventory.putIngress(ingress("east", "a"));
      await subject.inventory.deleteIngress("east", "b");
      await subject.settled();
      expect(subject.inventory.ingresses("east")).toEqual([ingress("east", "a")]);
      expect(changes).toEqual([
        { zone: "east", meshes: null, keys: new Set() },
        { zone: "east", meshes: null, keys: new Set() },
        { zone: "east", meshes: null, keys: new Set() },
      ]);
    });

    test("replace switches a zone at once and names the meshes that changed", async () => {
      await subject.inventory.put(entry("east", "web"));
      await subject.inventory.put(entry("east", "api", { mesh: "other" }));
      await subject.inventory.put(entry("west", "db"));
      await subject.settled();
      changes.length = 0;
      await subject.inventory.replace("east", { entries: [entry("east", "web"), entry("east", "new", { mesh: "third" })], ingresses: [] });
      await subject.settled();
      const keys = [entry("east", "api", { mesh: "other" }), entry("east", "new", { mesh: "third" })].map(inventoryKey);
      expect(changes).toEqual([{ zone: "east", meshes: new Set(["other", "third"]), keys: new Set(keys) }]);
      expect(subject.inventory.entries("west")).toHaveLength(1);
      changes.length = 0;
      await subject.inventory.replace("east", { entries: [entry("east", "new", { mesh: "third" }), entry("east", "web")], ingresses: [] });
      await subject.settled();
      expect(changes).toEqual([]);
    });

    test("a listener that was removed hears nothing", async () => {
      const heard: InventoryChange[] = [];
      const unwatch = subject.inventory.watch((change) => heard.push(change));
      unwatch();
      await subject.inventory.put(entry("east", "web"));
      await subject.settled();
      expect(heard).toEqual([]);
      expect(changes).toHaveLength(1);
    });
  });
}
