import { eventually, selfSignedPair, startRedis, startRedisServer } from "@atoll/testkit";
import type { RedisServer } from "@atoll/testkit";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type InventoryChange, type InventoryEntry, inventoryKey } from "../src/index.ts";
import { RedisInventory, RedisInventoryView } from "../src/redis.ts";
import { inventoryContract } from "./inventory-contract.ts";

let shared: { url: string; close(): Promise<void> };
beforeAll(async () => {
  shared = await startRedis();
}, 120_000);
afterAll(() => shared?.close());

let names = 0;
const ownName = (): string => `test-${process.pid}-${Date.now()}-${(names += 1)}`;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

inventoryContract("redis, where it is filled", async () => {
  const inventory = new RedisInventory({ url: shared.url, name: ownName() });
  inventory.markComplete();
  return { inventory, settled: () => inventory.settled(), close: () => inventory.close() };
});

inventoryContract("redis, filled here and read elsewhere", async () => {
  const name = ownName();
  const filler = new RedisInventory({ url: shared.url, name });
  filler.markComplete();
  await filler.settled();
  const view = await RedisInventoryView.open({ url: shared.url, name });
  // One after the other: what is told in one turn may arrive as one change.
  const settled = async (): Promise<void> => {
    await filler.settled();
    await eventually(() => sameContent(filler, view));
  };
  const told =
    <Args extends unknown[]>(tell: (...args: Args) => Promise<void>) =>
    async (...args: Args): Promise<void> => {
      await tell.apply(filler, args);
      await settled();
    };
  const inventory = Object.assign(Object.create(view) as RedisInventoryView, {
    replace: told(filler.replace),
    put: told(filler.put),
    delete: told(filler.delete),
    putIngress: told(filler.putIngress),
    deleteIngress: told(filler.deleteIngress),
    entries: (zone: string) => view.entries(zone),
    entriesByKey: (zone: string) => view.entriesByKey(zone),
    ingresses: (zone: string) => view.ingresses(zone),
    zones: () => view.zones(),
    watch: (listener: (change: InventoryChange) => void) => view.watch(listener),
  });
  const close = async (): Promise<void> => {
    await view.close();
    await filler.close();
  };
  return { inventory, settled, close };
});

const entry = (zone: string, service: string, instances = 1): InventoryEntry => ({
  zone,
  mesh: "default",
  tags: { "kuma.io/service": service, "kuma.io/zone": zone },
  instances,
});
const ingress = (zone: string) => ({ zone, name: "ingress", advertisedAddress: "10.0.0.1", advertisedPort: 10_001 });

type Content = Pick<RedisInventory, "zones" | "entries" | "ingresses">;
const contentOf = (inventory: Content) =>
  inventory.zones().map((zone) => ({ zone, entries: inventory.entries(zone), ingresses: inventory.ingresses(zone) }));
const sameContent = (a: Content, b: Content): boolean => JSON.stringify(contentOf(a)) === JSON.stringify(contentOf(b));

/** Two zones, filled, and one reader whose changes are counted from then on. */
async function filled(url: string, options: Partial<ConstructorParameters<typeof RedisInventory>[0]> = {}) {
  const name = ownName();
  const errors: string[] = [];
  const onError = (error: Error): void => void errors.push(error.message);
  const filler = new RedisInventory({ url, name, onError, ...options });
  await filler.replace("east", { entries: [entry("east", "web"), entry("east", "api")], ingresses: [ingress("east")] });
  await filler.replace("west", { entries: [entry("west", "db", 3)], ingresses: [] });
  filler.markComplete();
  await filler.settled();
  const view = await RedisInventoryView.open({ url, name, onError, ...options });
  const changes: InventoryChange[] = [];
  view.watch((change) => changes.push(change));
  cleanups.push(
    () => filler.close(),
    () => view.close(),
  );
  const open = async () => {
    const another = await RedisInventoryView.open({ url, name, ...options });
    cleanups.push(() => another.close());
    return another;
  };
  return { name, filler, view, changes, errors, open };
}

async function ownServer(options: Parameters<typeof startRedisServer>[0] = {}): Promise<RedisServer> {
  const server = await startRedisServer(options);
  cleanups.push(() => server.close());
  return server;
}

test("after FLUSHALL the inventory is whole again within 2 s, and no reader notices", async () => {
  const { url } = await ownServer();
  const { filler, view, changes, open } = await filled(url);
  const admin = new Redis(url);
  cleanups.push(async () => admin.disconnect());
  const before = contentOf(view);
  await admin.flushall();
  const flushed = performance.now();
  const newcomer = await open();
  expect(performance.now() - flushed).toBeLessThan(2_000);
  expect(contentOf(newcomer)).toEqual(before);
  expect(contentOf(view)).toEqual(before);
  expect(changes).toEqual([]);

  await admin.flushall();
  await filler.put(entry("east", "new"));
  await eventually(() => sameContent(filler, view));
  expect(changes).toMatchObject([{ zone: "east", meshes: new Set(["default"]) }]);
  expect(contentOf(await open())).toEqual(contentOf(filler));
});

test("while Redis is away everybody serves what was there; what was told in the meantime is there when it is back", async () => {
  const server = await ownServer();
  const { filler, view, changes, errors, open } = await filled(server.url);
  await server.kill();
  await filler.put(entry("west", "cache"));
  await filler.delete("east", inventoryKey(entry("east", "api")));
  expect(filler.entries("west")).toHaveLength(2);
  expect(view.entries("east")).toHaveLength(2);
  await eventually(() => errors.length > 0);
  await server.start();
  await eventually(() => sameContent(filler, view));
  expect(changes.map(({ zone }) => zone).sort()).toEqual(["east", "west"]);
  expect(contentOf(await open())).toEqual(contentOf(filler));
  expect(errors[0]).toMatch(/Redis: /);
});

test("what a replica had missed, or somebody else wrote, is stored again", async () => {
  const { url } = await ownServer();
  const { name, filler, view } = await filled(url, { checkIntervalMs: 100 });
  const admin = new Redis(url);
  cleanups.push(async () => admin.disconnect());
  const key = `{atoll.inventory.${name}}`;
  const old = await admin.hgetall(key);
  await filler.put(entry("east", "new", 7));
  await filler.settled();
  const now = await admin.hgetall(key);
  await admin.multi().del(key).hset(key, old).exec();
  await eventually(async () => JSON.stringify(sortedFields(await admin.hgetall(key))) === JSON.stringify(sortedFields(now)));
  expect(sameContent(filler, view)).toBe(true);
});

test("a filler that starts again keeps what is there until it knows everything, then removes what is gone", async () => {
  const { name, filler, view, changes, open } = await filled(shared.url);
  await filler.close();
  const next = new RedisInventory({ url: shared.url, name, checkIntervalMs: 50 });
  cleanups.push(() => next.close());
  await next.replace("east", { entries: [entry("east", "web"), entry("east", "api")], ingresses: [ingress("east")] });
  expect(contentOf(await open())).toHaveLength(2);
  expect(changes).toEqual([]);
  next.markComplete();
  await eventually(() => view.zones().length === 1);
  expect(changes.map(({ zone }) => zone)).toEqual(["west"]);
  expect(sameContent(next, view)).toBe(true);
});

test("two fillers of one log don't undo each other", async () => {
  const { name, filler, view, changes } = await filled(shared.url, { checkIntervalMs: 50 });
  const second = new RedisInventory({ url: shared.url, name, checkIntervalMs: 50 });
  cleanups.push(() => second.close());
  for (const zone of filler.zones()) await second.replace(zone, { entries: filler.entries(zone), ingresses: filler.ingresses(zone) });
  second.markComplete();
  await second.settled();
  for (let instances = 2; instances < 12; instances += 1) {
    await filler.put(entry("east", "web", instances));
    await filler.settled();
    await second.put(entry("east", "web", instances));
    await second.settled();
  }
  await eventually(() => sameContent(filler, view));
  expect(changes).toHaveLength(10);
});

test("many entries told at once become visible together", async () => {
  const { filler, view, changes } = await filled(shared.url);
  const many = Array.from({ length: 1_000 }, (_, index) => entry("east", `service-${String(index).padStart(4, "0")}`));
  await filler.replace("east", { entries: many, ingresses: [] });
  await eventually(() => changes.length > 0);
  expect(view.entries("east")).toHaveLength(1_000);
  expect(changes).toMatchObject([{ zone: "east", meshes: null }]);
});

test("over TLS with a password; neither is in an error", async () => {
  const pair = selfSignedPair(["localhost"]);
  const server = await ownServer({ tls: pair, password: "very-secret" });
  const { filler, view } = await filled(server.url, { tlsCa: pair.certificatePem });
  await filler.put(entry("east", "secured"));
  await eventually(() => sameContent(filler, view));
  const wrong = server.url.replace("very-secret", "guessed-word");
  const refused: Error = await RedisInventoryView.open({ url: wrong, name: "x", tlsCa: pair.certificatePem, openTimeoutMs: 500 }).then(
    () => expect.fail("opened"),
    (error: Error) => error,
  );
  expect(refused.message).toMatch(/WRONGPASS|auth/i);
  expect(refused.message + refused.stack).not.toContain("guessed-word");
});

test("in a cluster", async () => {
  const server = await ownServer({ cluster: true });
  const { filler, view, open } = await filled(server.url.replace("localhost", "127.0.0.1"), { cluster: true });
  await filler.put(entry("east", "clustered"));
  await filler.deleteIngress("east", "ingress");
  await eventually(() => sameContent(filler, view));
  expect(contentOf(await open())).toEqual(contentOf(filler));
});

test("without anybody who fills it, a reader says so", async () => {
  await expect(RedisInventoryView.open({ url: shared.url, name: ownName(), openTimeoutMs: 200 })).rejects.toThrow("nobody has filled it");
  expect(() => new RedisInventory({ url: "http://user:secret@x", name: "x" })).toThrow(
    "the address of Redis has to be redis://host:port or rediss://host:port",
  );
});

const sortedFields = (fields: Record<string, string>) =>
  Object.entries(fields)
    .map(([field, text]) =>
      field === "zones" ? [field, JSON.stringify(Object.entries(JSON.parse(text) as object).sort())] : [field, text],
    )
    .sort(([a], [b]) => (a! < b! ? -1 : 1));
