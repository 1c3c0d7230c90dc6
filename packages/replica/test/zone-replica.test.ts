import { EmbeddedLog, LogError, topics, withTerm } from "@atoll/event-log";
import { eventually } from "@atoll/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ChangeEvent, ConfigReplica, ZoneReplica, ZoneReplicaSet, encodeJson, joinReaders, writerMark } from "../src/index.ts";
import { changeSet, key, put, remove } from "./fixtures.ts";

let log: EmbeddedLog;
let opened: ZoneReplica[] = [];
let clock = 0;

beforeEach(async () => {
  clock = 0;
  log = await EmbeddedLog.open({ path: ":memory:", tombstoneRetentionMs: 1_000, clock: () => clock });
});
afterEach(async () => {
  for (const replica of opened) await replica.close();
  opened = [];
  await log.close();
});

async function open(zone = "east"): Promise<ZoneReplica> {
  const replica = await ZoneReplica.open({ log, zone, now: () => new Date(clock).toISOString() });
  opened.push(replica);
  return replica;
}
const dataplane = (name: string, spec: unknown = {}) => ({ type: "Dataplane", mesh: "default", name, spec });

test("a write is readable when it is acknowledged, also in another replica and after a restart", async () => {
  const [a, b] = [await open(), await open()];
  const heard = new Promise<ChangeEvent>((resolve) => b.watch(resolve));
  const stored = await a.put(dataplane("dp", { n: 1 }));
  expect(a.get("Dataplane", "default", "dp")).toEqual(stored);
  expect((await heard).keys).toEqual([key("Dataplane", "default", "dp")]);
  expect(b.get("Dataplane", "default", "dp")).toEqual(stored);
  expect((await open()).list("Dataplane")).toEqual([stored]);
  expect((await open("west")).size).toBe(0);
});

test("an equal put appends nothing; another keeps the creation time", async () => {
  const replica = await open();
  const first = await replica.put(dataplane("dp", { n: 1 }));
  const head = await log.head(topics.zone("east"));
  clock = 5_000;
  expect(await replica.put(dataplane("dp", { n: 1 }))).toEqual(first);
  expect(await log.head(topics.zone("east"))).toBe(head);
  const second = await replica.put(dataplane("dp", { n: 2 }));
  expect(second).toMatchObject({ creationTime: first.creationTime, modificationTime: new Date(5_000).toISOString() });
});

test("a write waits for an earlier one of its key no longer than its own time", async () => {
  const away = Object.assign(Object.create(log) as EmbeddedLog, {
    append: () => Promise.reject(new LogError("unavailable", "the log is away")),
    read: log.read.bind(log),
    ensureTopic: log.ensureTopic.bind(log),
    head: log.head.bind(log),
    tail: log.tail.bind(log),
  });
  const replica = await ZoneReplica.open({ log: away, zone: "east" });
  opened.push(replica);
  const earlier = replica.put(dataplane("dp", { n: 1 }), { timeoutMs: 60_000 }).catch((error: unknown) => error);
  await expect(replica.put(dataplane("dp", { n: 2 }), { timeoutMs: 50 })).rejects.toMatchObject({ code: "unavailable" });
  await replica.close();
  expect(await earlier).toBeInstanceOf(LogError);
});

test("writes of one key that are under way together end in the last one asked for", async () => {
  const replica = await open();
  await replica.put(dataplane("dp", { n: 1 }));
  await Promise.all([replica.put(dataplane("dp", { n: 2 })), replica.put(dataplane("dp", { n: 1 }))]);
  expect(replica.get("Dataplane", "default", "dp")?.spec).toEqual({ n: 1 });
  await Promise.all([replica.put(dataplane("dp", { n: 3 })), replica.delete({ type: "Dataplane", mesh: "default", name: "dp" })]);
  expect(replica.get("Dataplane", "default", "dp")).toBeUndefined();
  await Promise.all([replica.delete({ type: "Dataplane", mesh: "default", name: "dp" }), replica.put(dataplane("dp", { n: 4 }))]);
  expect(replica.get("Dataplane", "default", "dp")?.spec).toEqual({ n: 4 });
});

test("deleting tells whether there was something, and names the key once", async () => {
  const replica = await open();
  await replica.put(dataplane("dp"));
  const events: ChangeEvent[] = [];
  replica.watch((event) => events.push(event));
  expect(await replica.delete({ type: "Dataplane", mesh: "default", name: "dp" })).toBe(true);
  expect(await replica.delete({ type: "Dataplane", mesh: "default", name: "dp" })).toBe(false);
  expect(events.map(({ keys }) => keys)).toEqual([[key("Dataplane", "default", "dp")]]);
});

test("an unreadable record is passed over", async () => {
  const errors: unknown[] = [];
  const replica = await ZoneReplica.open({ log, zone: "east", onError: (error) => errors.push(error) });
  opened.push(replica);
  await log.append(topics.zone("east"), [{ key: "Dataplane/default/bad", value: new TextEncoder().encode("{") }]);
  await replica.put(dataplane("good"));
  expect(replica.list("Dataplane").map(({ name }) => name)).toEqual(["good"]);
  expect(errors).toHaveLength(1);
});

test("what a deposed writer adds is not believed, as it comes and in a reading from the beginning", async () => {
  const topic = topics.zone("east");
  const replica = await open();
  const record = (name: string, term: number) =>
    withTerm({ key: key("Dataplane", "default", name), value: encodeJson(dataplane(name, { term })) }, term);
  await log.append(topic, [record("a", 1), withTerm({ key: writerMark(2), value: encodeJson({}) }, 2), record("b", 2)]);
  await log.append(topic, [record("late", 1), { ...record("b", 1), value: null }, record("c", 2)]);
  const [again] = [await open()];
  for (const one of [replica, again]) {
    await eventually(() => one.get("Dataplane", "default", "c"));
    expect(one.get("Dataplane", "default", "late")).toBeUndefined();
  }
  expect(replica.list("Dataplane").map(({ name, spec }) => [name, spec])).toEqual([
    ["a", { term: 1 }],
    ["b", { term: 2 }],
    ["c", { term: 2 }],
  ]);
});

test("a log that was replaced by a shorter one is read from its beginning", async () => {
  const replica = await open();
  for (const name of ["a", "b", "c"]) await replica.put(dataplane(name));
  await log.appendMirror(topics.zone("east"), [], { incarnation: "another", replacement: { first: true, last: true, tail: 0 } });
  await eventually(() => replica.size === 0);
  await replica.put(dataplane("d"));
  expect(replica.list("Dataplane").map(({ name }) => name)).toEqual(["d"]);
});

test("global sees the resources of every Zone resource's zone, and loses them with it", async () => {
  const config = await ConfigReplica.open({ log });
  await config.submit(changeSet([put("Zone", "", "east"), put("Zone", "", "west", { enabled: false })]));
  const east = await open("east");
  await east.put(dataplane("dp-east"));
  const set = await ZoneReplicaSet.open({ log, config });
  expect(set.names()).toEqual(["east", "west"]);
  expect(set.list("Dataplane").map(({ name }) => name)).toEqual(["dp-east"]);

  const heard: string[] = [];
  set.watch(({ zone, keys }) => heard.push(...keys.map((text) => `${zone} ${text}`)));
  await (await open("west")).put(dataplane("dp-west"));
  await eventually(() => heard.length === 1);
  expect(set.reader("west")?.get("Dataplane", "default", "dp-west")).toBeDefined();
  await config.submit(changeSet([remove("Zone", "", "east"), put("Zone", "", "north")]));
  await eventually(() => set.names().includes("north") && !set.names().includes("east"));
  expect(set.list("Dataplane").map(({ name }) => name)).toEqual(["dp-west"]);
  expect(heard).toEqual(["west Dataplane/default/dp-west", "east Dataplane/default/dp-east"]);
  await set.close();
  await config.close();
});

test("joined readers: the earlier wins, lists are merged in order", async () => {
  const [east, west] = [await open("east"), await open("west")];
  await east.put(dataplane("b", { zone: "east" }));
  await west.put(dataplane("b", { zone: "west" }));
  await west.put(dataplane("a", { zone: "west" }));
  const joined = joinReaders(east, west);
  expect(joined.list("Dataplane").map(({ name, spec }) => [name, spec])).toEqual([
    ["a", { zone: "west" }],
    ["b", { zone: "east" }],
  ]);
  expect(joined.get("Dataplane", "default", "a")?.spec).toEqual({ zone: "west" });
  expect(joined.get("Dataplane", "default", "c")).toBeUndefined();
});

test("a topic that was made anew and is shorter is taken over, and followed from its own end", async () => {
  const replica = await open();
  for (const name of ["a", "b", "c", "d"]) await replica.put(dataplane(name));
  const topic = topics.zone("east");
  const kept = { offset: 0, timestamp: 0, key: key("Dataplane", "default", "a"), headers: {} };
  const value = Buffer.from(JSON.stringify({ ...dataplane("a", { n: 2 }), creationTime: "", modificationTime: "", revision: 0 }));
  await log.appendMirror(topic, [{ ...kept, value }], { incarnation: "another", replacement: { first: true, last: true, tail: 0 } });
  await eventually(() => replica.size === 1 && replica.get("Dataplane", "default", "a")?.spec);
  await replica.put(dataplane("e"));
  expect(
    replica
      .list("Dataplane")
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(["a", "e"]);
});
