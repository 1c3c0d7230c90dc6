import { startKafka } from "@atoll/testkit";
import type { SharedKafka } from "@atoll/testkit";
import { Kafka, logLevel } from "kafkajs";
import type { Admin, IResourceConfigEntry } from "kafkajs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { LogRecord } from "./event-log.ts";
import { KafkaLog } from "./kafka-log.ts";
import { mirrorTopic } from "./mirror-topic.ts";
import { EmbeddedLog } from "./embedded-log.ts";

let kafka: SharedKafka;
let admin: Admin;
beforeAll(async () => {
  kafka = await startKafka();
  admin = new Kafka({ brokers: kafka.brokers.split(","), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
}, 120_000);
afterAll(async () => {
  await admin?.disconnect();
  await kafka?.close();
});

let log: KafkaLog;
let prefix: string;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  prefix = kafka.topicPrefix();
  log = new KafkaLog({ brokers: kafka.brokers.split(","), topicPrefix: prefix });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await log.close();
});

const value = (text: string) => Buffer.from(text);

async function contents(from: KafkaLog | EmbeddedLog, topic: string, offset = 0): Promise<LogRecord[]> {
  const stop = new AbortController();
  const records: LogRecord[] = [];
  for await (const batch of from.read(topic, offset, stop.signal)) {
    if (batch.length === 0) stop.abort();
    records.push(...batch);
  }
  return records;
}

/** Last value of each key. */
async function state(from: KafkaLog | EmbeddedLog, topic: string): Promise<Record<string, string>> {
  const values = new Map<string, string>();
  for (const record of await contents(from, topic)) {
    if (record.value === null) values.delete(record.key!);
    else values.set(record.key!, Buffer.from(record.value).toString());
  }
  return Object.fromEntries(values);
}

const make = (topic: string, configEntries: IResourceConfigEntry[], numPartitions = 1) =>
  admin.createTopics({ topics: [{ topic: prefix + topic, numPartitions, configEntries }], waitForLeaders: true });

const recreate = async (topic: string): Promise<void> => {
  await admin.deleteTopics({ topics: [prefix + topic] });
  // Brokers learn of it a moment later.
  await expect.poll(async () => (await log.describe(topic)).incarnation).toBe("");
  await log.ensureTopic({ name: topic, cleanup: "keep" });
};

test("topics are made with their configuration", async () => {
  await log.ensureTopic({ name: "atoll.config", cleanup: "keep" });
  await log.ensureTopic({ name: "atoll.zone.east", cleanup: "compact" });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: ["atoll.config", "atoll.zone.east"].map((name) => ({ type: 2, name: prefix + name })),
  });
  const [kept, compacted] = resources.map(({ configEntries }) =>
    Object.fromEntries(configEntries.map((entry) => [entry.configName, entry.configValue])),
  );
  expect(kept).toMatchObject({
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
  });
  expect(compacted).toMatchObject({
    "cleanup.policy": "compact",
    "delete.retention.ms": "86400000",
    "unclean.leader.election.enable": "false",
  });
  const { topics } = await admin.fetchTopicMetadata({ topics: [`${prefix}atoll.config`] });
  expect(topics[0]!.partitions).toHaveLength(1);
});

test("a topic that exists with another configuration is refused, and each difference is named", async () => {
  await make(
    "wrong",
    [
      { name: "retention.ms", value: "1000" },
      { name: "cleanup.policy", value: "compact" },
    ],
    3,
  );
  await expect(log.ensureTopic({ name: "wrong", cleanup: "keep" })).rejects.toMatchObject({
    code: "topic-mismatch",
    message:
      `topic ${prefix}wrong exists with another configuration: it has 3 partitions, not 1; cleanup.policy is compact, not delete; ` +
      "retention.ms is 1000, not -1; message.timestamp.type is CreateTime, not LogAppendTime; max.message.bytes is 1048588, not 10485760",
  });
});

test("many processes may make the same topic at once", async () => {
  const others = [0, 1, 2].map(() => new KafkaLog({ brokers: kafka.brokers.split(","), topicPrefix: prefix }));
  cleanups.push(() => Promise.all(others.map((other) => other.close())));
  await Promise.all([log, ...others].map((one) => one.ensureTopic({ name: "shared", cleanup: "compact" })));
  expect(await log.append("shared", [{ key: "k", value: value("v") }])).toEqual([0]);
});

test("a reader is told that its topic was made anew", async () => {
  await log.ensureTopic({ name: "kept", cleanup: "keep" });
  await log.append("kept", [{ value: value("a") }]);
  const before = await log.describe("kept");
  const begun = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const batch of log.read("kept", 0, new AbortController().signal)) if (batch.length > 0) begun.resolve();
  })();
  reading.catch(() => undefined);
  await begun.promise;
  await recreate("kept");
  await expect(reading).rejects.toMatchObject({ code: "out-of-range", message: expect.stringContaining("made anew") });
  const after = await log.describe("kept");
  expect(after).toMatchObject({ head: 0, cleanup: "keep" });
  expect(after.incarnation).not.toBe(before.incarnation);
  expect(await log.append("kept", [{ value: value("b") }])).toEqual([0]);
});

test("who resumes behind deleted records starts again", async () => {
  await log.ensureTopic({ name: "kept", cleanup: "keep" });
  for (const text of ["a", "b", "c"]) await log.append("kept", [{ value: value(text) }]);
  // kafkajs finds only topics that it was asked about before.
  await admin.fetchTopicOffsets(`${prefix}kept`);
  await admin.deleteTopicRecords({ topic: `${prefix}kept`, partitions: [{ partition: 0, offset: "2" }] });
  expect(await log.describe("kept")).toMatchObject({ head: 3, tail: 2 });
  await expect(contents(log, "kept", 1)).rejects.toMatchObject({ code: "out-of-range" });
  await expect(contents(log, "kept", 0)).rejects.toMatchObject({ code: "out-of-range" });
  expect((await contents(log, "kept", 2)).map(({ offset }) => offset)).toEqual([2]);
});

test("who was away longer than tombstones are kept starts again, a compacted topic from 0", async () => {
  await make("short", [
    { name: "cleanup.policy", value: "compact" },
    { name: "delete.retention.ms", value: "300" },
    { name: "message.timestamp.type", value: "LogAppendTime" },
  ]);
  await log.append("short", [{ key: "a", value: value("1") }]);
  await log.append("short", [{ key: "a", value: null }]);
  expect(await log.tail("short")).toBeLessThanOrEqual(1);
  await expect.poll(() => log.tail("short")).toBe(2);
  await expect(contents(log, "short", 1)).rejects.toMatchObject({ code: "out-of-range" });
  expect(await contents(log, "short", 2)).toEqual([]);
  expect((await contents(log, "short", 0)).map(({ offset }) => offset)).toEqual([0, 1]);
});

test("a zone's records are copied up with Kafka's own offsets, go on where they ended, and are replaced by their differences", async () => {
  const topic = "atoll.zone.east";
  const zone = await EmbeddedLog.open({ path: ":memory:" });
  cleanups.push(() => zone.close());
  await zone.ensureTopic({ name: topic, cleanup: "compact" });
  await zone.append(
    topic,
    ["a", "b", "c"].map((key) => ({ key, value: value(`${key}1`) })),
  );
  await zone.append(topic, [{ key: "a", value: value("a2") }]);

  const copied = async (from: EmbeddedLog): Promise<string[]> => {
    const stop = new AbortController();
    const replaced: string[] = [];
    const ready = Promise.withResolvers<void>();
    const done = mirrorTopic({
      topic,
      from,
      to: log,
      signal: stop.signal,
      onCaughtUp: ready.resolve,
      onReplaced: (why) => replaced.push(why),
    });
    await Promise.race([ready.promise, done]);
    stop.abort();
    await done;
    return replaced;
  };
  expect(await copied(zone)).toEqual([]);
  expect(await state(log, topic)).toEqual({ a: "a2", b: "b1", c: "c1" });
  const { incarnation } = await zone.describe(topic);
  expect((await log.describe(topic)).copy).toEqual({ incarnation, head: 4 });

  await zone.append(topic, [{ key: "b", value: null }]);
  const head = await log.head(topic);
  expect(await copied(zone)).toEqual([]);
  expect(await log.head(topic)).toBe(head + 1);
  expect(await state(log, topic)).toEqual({ a: "a2", c: "c1" });

  // Another disk: its content is another, and only what differs is written.
  const anew = await EmbeddedLog.open({ path: ":memory:" });
  cleanups.push(() => anew.close());
  await anew.ensureTopic({ name: topic, cleanup: "compact" });
  await anew.append(topic, [
    { key: "d", value: value("d1") },
    { key: "c", value: value("c1") },
  ]);
  expect(await copied(anew)).toEqual(["the source was made anew"]);
  expect(await state(log, topic)).toEqual({ c: "c1", d: "d1" });
  expect(await log.head(topic)).toBe(head + 3);
  expect((await log.describe(topic)).copy).toEqual({ incarnation: (await anew.describe(topic)).incarnation, head: 2 });
});

test("a zone's copy of the configuration has Kafka's offsets", async () => {
  const topic = "atoll.config";
  await log.ensureTopic({ name: topic, cleanup: "keep" });
  for (const text of ["a", "b"]) await log.append(topic, [{ value: value(text) }]);
  const zone = await EmbeddedLog.open({ path: ":memory:" });
  cleanups.push(() => zone.close());
  const stop = new AbortController();
  const ready = Promise.withResolvers<void>();
  const done = mirrorTopic({ topic, from: log, to: zone, signal: stop.signal, onCaughtUp: ready.resolve });
  await ready.promise;
  await log.append(topic, [{ value: value("c") }]);
  await expect.poll(() => zone.head(topic)).toBe(3);
  stop.abort();
  await done;
  expect((await contents(zone, topic)).map(({ offset, value: bytes }) => `${offset}=${Buffer.from(bytes!).toString()}`)).toEqual([
    "0=a",
    "1=b",
    "2=c",
  ]);
  expect((await zone.describe(topic)).incarnation).toBe((await log.describe(topic)).incarnation);
});
