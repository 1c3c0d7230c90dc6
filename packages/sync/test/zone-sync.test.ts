import { type EmbeddedLog, topics, withTerm } from "@atoll/event-log";
import { MemoryInventory } from "@atoll/inventory";
import { ConfigReplica, ZoneReplica, encodeJson, readToHead } from "@atoll/replica";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InventoryFeed, liveInventory } from "../src/index.ts";
import { ManualTime } from "./manual-time.ts";
import { Stack, type Zone, memoryLog, until } from "./stack.ts";

let stack: Stack;
beforeEach(async () => {
  stack = await Stack.ofTwoZones();
});
afterEach(() => stack.close());

const sameConfig = (zone: Zone) =>
  until(() => expect([zone.config.revision, zone.config.checksum()]).toEqual([stack.config.revision, stack.config.checksum()]));
const dataplane = (name: string, tags: Record<string, string>) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  spec: { networking: { inbound: [{ tags }] } },
});
const web = { "kuma.io/service": "web", "kuma.io/zone": "east" };
const webEntry = (instances: number) => ({ zone: "east", mesh: "default", tags: web, instances });

async function keysOf(log: Zone["log"], topic: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const batch of readToHead(log, topic, 0)) keys.push(...batch.map(({ key }) => key!));
  return keys.sort();
}

describe("configuration", () => {
  test("is mirrored at the same offsets and folded to the same checksum, also after a loss of the connection", async () => {
    const east = await stack.zone("east");
    await east.sync.configMirrored;
    await sameConfig(east);
    east.wire.cut();
    await stack.put("Timeout", "default", "t", { n: 1 });
    expect(east.config.revision).toBe(1);
    east.wire.mend();
    await sameConfig(east);
    expect(east.config.get("Timeout", "default", "t")?.revision).toBe(2);
  });

  test("is served after a restart with upstream away", async () => {
    const first = await stack.zone("east");
    await sameConfig(first);
    await first.stop();
    const again = await stack.zone("east", { log: first.log, isCut: true, restoreTimeoutMs: 50 });
    expect(again.config.checksum()).toBe(stack.config.checksum());
    await stack.put("Mesh", "", "later");
    again.wire.mend();
    await sameConfig(again);
  });

  test("begins at upstream's snapshot where that saves much", async () => {
    for (let i = 0; i < 1_200; i++) void stack.put("Timeout", "default", `t-${i % 20}`, { i });
    await stack.config.waitFor(1_201);
    await stack.config.writeSnapshot();
    const last = await stack.put("Timeout", "default", "last");
    const east = await stack.zone("east");
    await east.sync.configMirrored;
    await sameConfig(east);
    expect(await east.log.tail(topics.config)).toBe(last.revision - 1);
    expect(east.errors).toEqual([]);
    const xds = await ConfigReplica.open({ log: east.log });
    expect(xds.checksum()).toBe(stack.config.checksum());
    await xds.close();
  });

  test("that upstream has left behind begins again at its snapshot; without one that reaches it, it stays as it is", async () => {
    const global = stack.global as EmbeddedLog;
    const east = await stack.zone("east");
    await sameConfig(east);
    await east.stop();
    for (let i = 0; i < 60; i++) void stack.put("Timeout", "default", `t-${i % 7}`, { i });
    await stack.config.waitFor(61);
    await global.truncateBefore(topics.config, 40);
    const kept = east.config.checksum();
    const stuck = await stack.zone("east", { log: east.log });
    await until(() =>
      expect(stuck.sync.status().mirrors.find(({ topic }) => topic === topics.config)?.trouble).toMatch(/no snapshot that reaches/),
    );
    expect(stuck.config.checksum()).toBe(kept);
    await stuck.stop();
    await stack.config.writeSnapshot();
    await stack.put("Mesh", "", "after");
    const again = await stack.zone("east", { log: east.log });
    await sameConfig(again);
    expect(again.config.get("Mesh", "", "after")).toBeDefined();
  });

  test("another global's log is refused: the zone keeps what it has and says so", async () => {
    const east = await stack.zone("east");
    await sameConfig(east);
    await east.stop();
    const kept = east.config.checksum();
    const stranger = await Stack.open();
    await stranger.put("Mesh", "", "stranger");
    const again = await stranger.zone("east", { log: east.log });
    await until(() => expect(again.sync.status().mirrors.find(({ topic }) => topic === topics.config)?.trouble).toMatch(/another one/));
    expect(again.config.checksum()).toBe(kept);
    expect(again.config.get("Mesh", "", "stranger")).toBeUndefined();
    await stranger.close();
  });

  test("local history is bounded by the zone's own snapshot", async () => {
    const east = await stack.zone("east", { historyRecords: 50 });
    for (let i = 0; i < 200; i++) void stack.put("Timeout", "default", "t", { i });
    await stack.config.waitFor(201);
    await sameConfig(east);
    await stack.put("Timeout", "default", "t", { i: "last" });
    await sameConfig(east);
    await until(async () => expect(await east.log.tail(topics.config)).toBeGreaterThan(50));
    const xds = await ConfigReplica.open({ log: east.log });
    expect(xds.checksum()).toBe(stack.config.checksum());
    await xds.close();
  });
});

describe("the zone's own records", () => {
  test("reach global, also those written while it was away", async () => {
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", web));
    east.wire.cut();
    await east.resources.put(dataplane("dp-2", web));
    await east.resources.delete({ type: "Dataplane", mesh: "default", name: "dp-1" });
    east.wire.mend();
    const atGlobal = await ZoneReplica.open({ log: stack.global, zone: "east" });
    await until(() => expect(atGlobal.list("Dataplane").map(({ name }) => name)).toEqual(["dp-2"]));
    await atGlobal.close();
  });

  test("a restarted zone sends nothing twice", async () => {
    const sent = async () => {
      const found: [string, number][] = [];
      for await (const batch of readToHead(stack.global, topics.zone("east"), 0))
        for (const { key, offset } of batch) if (key?.startsWith("Dataplane/")) found.push([key, offset]);
      return found;
    };
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", web));
    await until(async () => expect(await sent()).toHaveLength(1));
    const [first] = await sent();
    await east.stop();
    const again = await stack.zone("east", { log: east.log });
    await again.resources.put(dataplane("dp-2", web));
    await until(async () => expect(await sent()).toEqual([first, ["Dataplane/default/dp-2", expect.any(Number)]]));
  });

  test("come back from global when the zone's disk was lost", async () => {
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", web));
    await until(() =>
      keysOf(stack.global, topics.inventory("east")).then((keys) => expect(keys.some((key) => key.startsWith("entry/"))).toBe(true)),
    );
    await east.stop();
    const reborn = await stack.zone("east", { log: await memoryLog() });
    await until(() => expect(reborn.resources.list("Dataplane").map(({ name }) => name)).toEqual(["dp-1"]));
    await reborn.resources.put(dataplane("dp-2", web));
    const atGlobal = await ZoneReplica.open({ log: stack.global, zone: "east" });
    await until(() => expect(atGlobal.list("Dataplane").map(({ name }) => name)).toEqual(["dp-1", "dp-2"]));
    await atGlobal.close();
  });
});

describe("what a zone offers", () => {
  test("reaches the other zone's inventory on change, and leaves it", async () => {
    const [east, west] = [await stack.zone("east"), await stack.zone("west")];
    await sameConfig(east);
    await east.resources.put(dataplane("dp-1", web));
    await until(() => expect(west.inventory.entries("east")).toEqual([webEntry(1)]));
    await east.resources.put(dataplane("dp-2", web));
    await east.resources.put({
      type: "ZoneIngress",
      mesh: "",
      name: "in",
      spec: {
        networking: {
          ...{ address: "10.0.0.1", port: 10001, advertisedAddress: "192.0.2.1", advertisedPort: 20001 },
          admin: { port: 9901 },
        },
      },
    });
    await until(() => {
      expect(west.inventory.entries("east")).toEqual([webEntry(2)]);
      expect(west.inventory.ingresses("east")).toEqual([
        {
          ...{ zone: "east", name: "in", advertisedAddress: "192.0.2.1", advertisedPort: 20001 },
          networking: { address: "10.0.0.1", port: 10001, admin: { port: 9901 } },
        },
      ]);
    });
    expect(east.inventory.entries("east")).toEqual([webEntry(2)]);
    for (const name of ["dp-1", "dp-2"]) await east.resources.delete({ type: "Dataplane", mesh: "default", name });
    await until(() => expect(west.inventory.entries("east")).toEqual([]));
  });

  test("an equal offer appends nothing, also after a restart", async () => {
    const east = await stack.zone("east");
    await sameConfig(east);
    await east.resources.put(dataplane("dp-1", web));
    await until(() => expect(east.inventory.entries("east")).toEqual([webEntry(1)]));
    const topic = topics.inventory("east");
    const head = await east.log.head(topic);
    await stack.put("Mesh", "", "another");
    await sameConfig(east);
    await east.sync.settled();
    expect(await east.log.head(topic)).toBe(head);
    await east.stop();
    const again = await stack.zone("east", { log: east.log });
    await again.sync.settled();
    const late: string[] = [];
    for await (const batch of readToHead(east.log, topic, head)) late.push(...batch.map(({ key }) => key!));
    expect(late.filter((key) => key.startsWith("entry/"))).toEqual([]);
  });

  test("external services of the zone come and go with the mesh's routing", async () => {
    const east = await stack.zone("east");
    await stack.put("ExternalService", "default", "es", { tags: { "kuma.io/service": "github", "kuma.io/zone": "east" } });
    await stack.put("Mesh", "", "default", { routing: { zoneEgress: true } });
    await until(() => expect(east.inventory.entries("east")).toMatchObject([{ externalService: true, instances: 1 }]));
    await stack.put("Mesh", "", "default", {});
    await until(() => expect(east.inventory.entries("east")).toEqual([]));
  });

  test("a zone that has no configuration yet withdraws nothing", async () => {
    const east = await stack.zone("east");
    await sameConfig(east);
    await east.resources.put(dataplane("dp-1", web));
    await until(() => expect(east.inventory.entries("east")).toHaveLength(1));
    await until(async () => expect(await stack.global.head(topics.inventory("east"))).toBe(await east.log.head(topics.inventory("east"))));
    await east.stop();
    // The disk is lost: records come back from global at once, configuration a little later.
    const reborn = await stack.zone("east", { log: await memoryLog() });
    await sameConfig(reborn);
    await reborn.sync.settled();
    expect(reborn.inventory.entries("east")).toEqual([webEntry(1)]);
    expect((await keysOf(stack.global, topics.inventory("east"))).filter((key) => key.startsWith("entry/"))).toHaveLength(1);
  });
});

describe("other zones", () => {
  test("are known from the local log after a restart with upstream away", async () => {
    const [east, west] = [await stack.zone("east"), await stack.zone("west")];
    await sameConfig(east);
    await east.resources.put(dataplane("dp-1", web));
    await until(() => expect(west.inventory.entries("east")).toHaveLength(1));
    await west.stop();
    const again = await stack.zone("west", { log: west.log, isCut: true, restoreTimeoutMs: 50 });
    expect(again.inventory.entries("east")).toEqual([webEntry(1)]);
    expect([...again.sync.liveZones()].sort()).toEqual(["east", "west"]);
  });

  test("leave the inventory when switched off, and return", async () => {
    const [east, west] = [await stack.zone("east"), await stack.zone("west")];
    await sameConfig(east);
    await east.resources.put(dataplane("dp-1", web));
    await until(() => expect(west.inventory.entries("east")).toHaveLength(1));
    await stack.put("Zone", "", "east", { enabled: false });
    await until(() => expect(west.inventory.zones()).toEqual([]));
    await sameConfig(east);
    expect(east.inventory.entries("east")).toHaveLength(1);
    await stack.put("Zone", "", "east", { enabled: true });
    await until(() => expect(west.inventory.entries("east")).toHaveLength(1));
  });

  test("that fall silent are dead for this zone and its xDS servers, while upstream can be heard", async () => {
    const time = new ManualTime();
    const west = await stack.zone("west", { graceMs: 1_000, clock: time.clock, schedule: time.schedule });
    await sameConfig(west);
    await stack.global.ensureTopic({ name: topics.inventory("east"), cleanup: "compact" });
    const heartbeat = (n: number) =>
      stack.global.append(topics.inventory("east"), [
        { key: "heartbeat", value: encodeJson({ at: "2026-01-01T00:00:00Z", revision: n, checksum: "" }) },
      ]);
    await stack.global.append(topics.inventory("east"), [
      { key: "entry/default/kuma.io/service=web", value: encodeJson({ mesh: "default", tags: web, instances: 1 }) },
      { key: "ingress/in", value: encodeJson({ advertisedAddress: "192.0.2.1", advertisedPort: 1 }) },
    ]);
    await heartbeat(1);
    await until(() => expect(west.sync.feed.heartbeat("east")?.revision).toBe(1));

    // An xDS server's feed: the same topics, no judge of its own.
    const inventory = new MemoryInventory();
    const feed = await InventoryFeed.open({ log: west.log, config: west.config, inventory, zone: "west" });
    const live = liveInventory(inventory, feed);
    const changes: unknown[] = [];
    live.watch((change) => changes.push(change));
    expect(live.entries("east")).toHaveLength(1);

    time.advance(1_000);
    await until(() => expect(live.entries("east")).toEqual([]));
    expect(live.ingresses("east")).toEqual([]);
    expect(live.zones()).toEqual([]);
    expect(inventory.entries("east")).toHaveLength(1);
    expect(changes).toEqual([{ zone: "east", meshes: null, keys: null }]);
    await until(() => expect([...west.sync.liveZones()]).toEqual(["west"]));

    await heartbeat(2);
    await until(() => expect(live.entries("east")).toHaveLength(1));
    expect(changes).toHaveLength(2);

    west.wire.cut();
    time.advance(100_000);
    await west.sync.settled();
    await heartbeat(3);
    expect(west.sync.status()).toMatchObject({ connected: false, deadZones: [] });
    west.wire.mend();
    await until(() => expect(west.sync.feed.heartbeat("east")?.revision).toBe(3));
    expect(west.sync.status()).toMatchObject({ connected: true, deadZones: [] });
    await feed.close();
  });

  test("are believed about themselves only, and not what a deposed writer of theirs adds", async () => {
    const west = await stack.zone("west");
    await sameConfig(west);
    await stack.global.ensureTopic({ name: topics.inventory("east"), cleanup: "compact" });
    const offer = (name: string, more: object = {}) => ({
      key: `entry/default/kuma.io/service=${name}`,
      value: encodeJson({ mesh: "default", tags: { "kuma.io/service": name }, instances: 1, ...more }),
    });
    await stack.global.append(topics.inventory("east"), [
      withTerm(
        { key: "ingress/in", value: encodeJson({ advertisedAddress: "192.0.2.1", advertisedPort: 1, zone: "west", name: "other" }) },
        2,
      ),
      withTerm(offer("claims-west", { zone: "west" }), 2),
      withTerm(offer("late"), 1),
      withTerm(offer("last"), 2),
    ]);
    await until(() => expect(west.inventory.entries("east")).toHaveLength(2));
    expect(west.inventory.entries("east").map(({ zone, tags }) => [zone, tags["kuma.io/service"]])).toEqual([
      ["east", "claims-west"],
      ["east", "last"],
    ]);
    expect(west.inventory.entries("west")).toEqual([]);
    expect(west.inventory.ingresses("east")).toEqual([{ zone: "east", name: "in", advertisedAddress: "192.0.2.1", advertisedPort: 1 }]);
    expect(west.inventory.ingresses("west")).toEqual([]);
  });

  test("unreadable inventory records are passed over and reported", async () => {
    const west = await stack.zone("west");
    await sameConfig(west);
    await stack.global.ensureTopic({ name: topics.inventory("east"), cleanup: "compact" });
    await stack.global.append(topics.inventory("east"), [
      { key: "entry/default/a=b", value: encodeJson({ mesh: 7 }) },
      { key: "of/another/version", value: encodeJson({}) },
      { key: "entry/default/kuma.io/service=web", value: encodeJson({ mesh: "default", tags: web, instances: 1 }) },
    ]);
    await until(() => expect(west.inventory.entries("east")).toEqual([webEntry(1)]));
    expect(west.errors.map(String)).toEqual([expect.stringContaining("inventory record 0 of zone east is unreadable")]);
  });
});
