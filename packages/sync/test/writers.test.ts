import { LogError, topics } from "@atoll/event-log";
import { KafkaLog } from "@atoll/event-log/kafka";
import { WriterFence, ZoneReplica, readToHead } from "@atoll/replica";
import { type SharedKafka, startKafka } from "@atoll/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ManualTime } from "./manual-time.ts";
import { Stack, type Zone, memoryLog, until } from "./stack.ts";

// Several sync services of one zone: one writes, the log says which.
let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await startKafka();
}, 120_000);
afterAll(() => kafka?.close());

const onKafka = () => new KafkaLog({ brokers: kafka.brokers.split(","), topicPrefix: kafka.topicPrefix() });

describe.each([
  ["global's relay", () => undefined],
  ["Kafka", onKafka],
])("over %s", (_, upstream) => {
  let stack: Stack;
  let time: ManualTime;
  beforeEach(async () => {
    time = new ManualTime();
    stack = await Stack.open(upstream());
    await stack.submit([
      { op: "put", resource: { type: "Mesh", mesh: "", name: "default", spec: {} } },
      { op: "put", resource: { type: "Zone", mesh: "", name: "east", spec: {} } },
    ]);
  });
  afterEach(() => stack.close());

  const tags = { "kuma.io/service": "web", "kuma.io/zone": "east" };
  const dataplane = (name: string) => ({ type: "Dataplane", mesh: "default", name, spec: { networking: { inbound: [{ tags }] } } });
  const names = (zone: { resources: ZoneReplica }) => zone.resources.list("Dataplane").map(({ name }) => name);
  const instance = (name: string, more: Parameters<Stack["zone"]>[1] = {}) =>
    stack.zone("east", { instance: name, leaseMs: 1_000, schedule: time.schedule, clock: time.clock, ...more });
  const role = (zone: Zone) => zone.sync.status().role;
  const writes = (zone: Zone, term: number) => until(() => expect(role(zone)).toEqual({ writes: true, term }));
  /** The writer's time passes, as often as it takes: something of it may have been on its way. */
  const replaces = (zone: Zone, term: number) =>
    until(() => {
      time.advance(1_100);
      expect(role(zone)).toEqual({ writes: true, term });
    });

  async function atGlobal(check: (names: string[], inventory: number | undefined) => void): Promise<void> {
    const replica = await ZoneReplica.open({ log: stack.global, zone: "east" });
    await until(async () => {
      let instances: number | undefined;
      const fence = new WriterFence();
      for await (const batch of readToHead(stack.global, topics.inventory("east"), 0)) {
        for (const record of batch) {
          const { key, value } = record;
          if (fence.admits(record) && key?.startsWith("entry/"))
            instances = value ? (JSON.parse(Buffer.from(value).toString()) as { instances: number }).instances : 0;
        }
      }
      check(
        replica.list("Dataplane").map(({ name }) => name),
        instances,
      );
    });
    await replica.close();
  }

  test("one of two writes; what is written through either is at both, at the same offset, and at global", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await writes(a, 1);
    expect(role(b)).toEqual({ writes: false, writer: "a" });
    await a.resources.put(dataplane("dp-1"));
    await b.resources.put(dataplane("dp-2"));
    expect(names(b)).toEqual(["dp-1", "dp-2"]);
    await until(() => expect(names(a)).toEqual(["dp-1", "dp-2"]));
    await until(async () => expect(await b.log.describe(topics.zone("east"))).toEqual(await a.log.describe(topics.zone("east"))));
    await atGlobal((found, instances) => {
      expect(found).toEqual(["dp-1", "dp-2"]);
      expect(instances).toBe(2);
    });
    await until(() => expect(b.inventory.entries("east")).toMatchObject([{ instances: 2 }]));
  });

  test("a writer that crashed is replaced when its time is over, with everything it had", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await b.resources.put(dataplane("dp-1"));
    await a.crash();
    time.advance(900);
    expect(role(b)).toMatchObject({ writes: false });
    await expect(b.resources.put(dataplane("dp-2"), { timeoutMs: 100 })).rejects.toMatchObject({ code: "unavailable" });
    await replaces(b, 2);
    await b.resources.put(dataplane("dp-2"));
    await atGlobal((found, instances) => {
      expect(found).toEqual(["dp-1", "dp-2"]);
      expect(instances).toBe(2);
    });
  });

  test("an orderly end hands over at once", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await a.resources.put(dataplane("dp-1"));
    await a.stop();
    await writes(b, 2);
    await until(() => expect(names(b)).toEqual(["dp-1"]));
    const again = await instance("a", { log: a.log });
    await until(() => expect(role(again)).toEqual({ writes: false, writer: "b" }));
    await again.resources.put(dataplane("dp-2"));
    await until(() => expect(names(b)).toEqual(["dp-1", "dp-2"]));
  });

  test("a writer that was cut off and does not know that it is deposed is not believed, and falls in line when it is back", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await a.resources.put(dataplane("dp-1"));
    await until(() => expect(names(b)).toEqual(["dp-1"]));
    a.wire.cut();
    // Its own proxies may go on registering: it is the writer until it hears otherwise.
    await a.resources.put(dataplane("dp-of-a"));
    await a.resources.delete({ type: "Dataplane", mesh: "default", name: "dp-1" });
    expect(role(a)).toMatchObject({ writes: true });
    // What it has reached the other over their own link is not lost.
    await until(() => expect(names(b)).toEqual(["dp-of-a"]));
    await replaces(b, 2);
    await b.resources.put(dataplane("dp-of-b"));
    await a.resources.put(dataplane("dp-too-late"));
    await atGlobal((found) => expect(found).toEqual(["dp-of-a", "dp-of-b"]));

    // What it still sends upstream as the writer it was is refused by the log, or by who reads it, and undone.
    const late = { offset: 999, timestamp: 0, key: "Dataplane/default/dp-of-b", value: null, headers: {} };
    await stack.global.appendMirror(topics.zone("east"), [late], { term: 1 }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "forbidden" });
    });
    await atGlobal((found) => expect(found).toEqual(["dp-of-a", "dp-of-b"]));
    await until(async () => {
      let newest = "";
      for await (const batch of readToHead(stack.global, topics.zone("east"), 0)) {
        for (const { key, value } of batch) if (key === late.key) newest = value ? Buffer.from(value).toString() : "";
      }
      expect(newest).toContain("dp-of-b");
    });
    a.wire.mend();
    await until(() => expect(role(a)).toEqual({ writes: false, writer: "b" }));
    await until(() => expect(names(a)).toEqual(["dp-of-a", "dp-of-b"]));
    await a.resources.put(dataplane("dp-again"));
    await atGlobal((found) => expect(found).toEqual(["dp-again", "dp-of-a", "dp-of-b"]));
  });

  test("a standby that had not everything takes the rest from upstream", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await a.resources.put(dataplane("dp-1"));
    await until(() => expect(names(b)).toEqual(["dp-1"]));
    await b.stop();
    await a.resources.put(dataplane("dp-2"));
    await atGlobal((found) => expect(found).toEqual(["dp-1", "dp-2"]));
    await a.crash();
    const again = await instance("b", { log: b.log });
    await replaces(again, 2);
    await until(() => expect(names(again)).toEqual(["dp-1", "dp-2"]));
    await atGlobal((found) => expect(found).toEqual(["dp-1", "dp-2"]));
  });

  test("the writer that starts again with upstream away is still the writer; a standby is not", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await a.resources.put(dataplane("dp-1"));
    await until(() => expect(names(b)).toEqual(["dp-1"]));
    await until(async () => expect(await b.log.head(topics.lease("east"))).toBe(await stack.global.head(topics.lease("east"))));
    for (const one of [a, b]) await one.crash();
    const [a2, b2] = await Promise.all([
      instance("a", { log: a.log, isCut: true, schedule: undefined, restoreTimeoutMs: 50 }),
      instance("b", { log: b.log, isCut: true, schedule: undefined, restoreTimeoutMs: 50 }),
    ]);
    expect(role(a2)).toEqual({ writes: true, term: 1 });
    expect(role(b2)).toEqual({ writes: false, writer: "a" });
    await a2.resources.put(dataplane("dp-2"));
    await b2.resources.put(dataplane("dp-3"));
    expect(names(b2)).toEqual(["dp-1", "dp-2", "dp-3"]);
    a2.wire.mend();
    await atGlobal((found) => expect(found).toEqual(["dp-1", "dp-2", "dp-3"]));
  });

  test("while upstream is away no standby claims, however long", async () => {
    const a = await instance("a");
    const b = await instance("b");
    for (const one of [a, b]) one.wire.cut();
    time.advance(100_000);
    for (const one of [a, b]) one.wire.mend();
    await b.resources.put(dataplane("dp-1"));
    await atGlobal((found) => expect(found).toEqual(["dp-1"]));
    expect(role(a)).toEqual({ writes: true, term: 1 });
  });

  test("a lease that was lost upstream goes on above the terms that the zone knows, so that its writer is believed", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await a.resources.put(dataplane("dp-1"));
    await a.stop();
    await writes(b, 2);
    await b.resources.put(dataplane("dp-2"));
    await b.crash();
    const lost = { incarnation: "restored", replacement: { first: true, last: true, tail: 0 } };
    await stack.global.appendMirror(topics.lease("east"), [], lost);
    const again = await instance("b", { log: b.log });
    await until(() => expect(role(again)).toMatchObject({ writes: true }));
    // In Kafka the topic is still the same one, with what was in it withdrawn.
    if (!(stack.global instanceof KafkaLog)) await until(() => expect(role(again).term).toBeGreaterThan(2));
    await again.resources.put(dataplane("dp-3"));
    expect(names(again)).toEqual(["dp-1", "dp-2", "dp-3"]);
    await atGlobal((found) => expect(found).toEqual(["dp-1", "dp-2", "dp-3"]));
  });

  test("a lease that upstream has under another incarnation, as after a crash, is read again before anybody claims", async () => {
    const topic = topics.lease("east");
    const claims = async (): Promise<{ term: number }[]> => {
      const found = [];
      for await (const batch of readToHead(stack.global, topic, 0)) {
        for (const { key, value } of batch) if (key === "claim/a" && value) found.push(JSON.parse(Buffer.from(value).toString()));
      }
      return found;
    };
    const a = await instance("a");
    await a.resources.put(dataplane("dp-1"));
    await a.crash();
    const held = [];
    for await (const batch of readToHead(stack.global, topic, 0)) held.push(...batch.filter(({ key }) => key === "claim/a"));
    await stack.global.appendMirror(topic, held, { incarnation: "restored", replacement: { first: true, last: true, tail: 0 } });
    const again = await instance("a", { log: a.log });
    await again.resources.put(dataplane("dp-2"));
    await atGlobal((found) => expect(found).toEqual(["dp-1", "dp-2"]));
    expect(role(again)).toEqual({ writes: true, term: 1 });
    // One that did not count would have taken the other away from all who read the topic later.
    expect(await claims()).toMatchObject([{ term: 1 }]);
  });

  test("a zone's log from before there were elections is written on, also with upstream away", async () => {
    const log = await memoryLog();
    await log.ensureTopic({ name: topics.zone("east"), cleanup: "compact" });
    await log.ensureTopic({ name: topics.inventory("east"), cleanup: "compact" });
    const before = await ZoneReplica.open({ log, zone: "east" });
    await before.put(dataplane("dp-1"));
    await before.close();
    const a = await instance("a", { log, isCut: true, schedule: undefined, restoreTimeoutMs: 50 });
    await a.resources.put(dataplane("dp-2"));
    a.wire.mend();
    await writes(a, 1);
    await a.resources.put(dataplane("dp-3"));
    await atGlobal((found) => expect(found).toEqual(["dp-1", "dp-2", "dp-3"]));
  });

  test("without a writer an append is refused, to come again", async () => {
    const a = await instance("a");
    const b = await instance("b");
    await a.crash();
    const refused = await b.resources.put(dataplane("dp-1"), { timeoutMs: 50 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LogError);
    const waiting = b.resources.put(dataplane("dp-2"));
    await replaces(b, 2);
    await waiting;
    expect(names(b)).toEqual(["dp-2"]);
  });
});
