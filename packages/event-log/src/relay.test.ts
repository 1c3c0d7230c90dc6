import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddedLog } from "./embedded-log.ts";
import { LogError } from "./event-log.ts";
import type { EventLog, LogRecord } from "./event-log.ts";
import { mirrorTopic } from "./mirror-topic.ts";
import { RpcRefusal } from "./relay-codec.ts";
import { openToAll, relayLogTo, serveRelay } from "./relay-fixture.ts";

const value = (text: string) => Buffer.from(text);
const texts = (records: readonly LogRecord[]) => records.map((record) => Buffer.from(record.value!).toString());

let owner: EmbeddedLog;
const cleanups: (() => unknown)[] = [];
beforeEach(async () => {
  owner = await EmbeddedLog.open({ path: ":memory:" });
  await owner.ensureTopic({ name: "atoll.config", cleanup: "keep" });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await owner.close();
});

/** Follows in the background; `until` resolves when `count` records have come. */
function follow(log: EventLog, topic: string, from = 0) {
  const stop = new AbortController();
  const records: LogRecord[] = [];
  let markers = 0;
  let changed = (): void => {};
  const ended = (async () => {
    for await (const batch of log.read(topic, from, stop.signal)) {
      records.push(...batch);
      if (batch.length === 0) markers += 1;
      changed();
    }
  })();
  ended.catch(() => changed());
  cleanups.push(() => stop.abort());
  const until = async (count: number) => {
    while (records.length < count) await Promise.race([new Promise<void>((resolve) => (changed = resolve)), ended]);
    return records;
  };
  return { until, ended, records, markers: () => markers };
}

test("a read goes on at its offset after the relay was killed and came back", async () => {
  const first = await serveRelay(owner);
  const interruptions: string[] = [];
  const log = relayLogTo(first.port, { onReadInterrupted: (topic, error) => interruptions.push(`${topic} ${error.code}`) });
  cleanups.push(() => log.close());
  const follower = follow(log, "atoll.config");
  await owner.append("atoll.config", [{ value: value("a") }]);
  await follower.until(1);
  first.close();
  await owner.append("atoll.config", [{ value: value("b") }]);
  await expect(log.append("atoll.config", [{ value: value("lost") }])).rejects.toMatchObject({ code: "unavailable", canRetry: true });
  const second = await serveRelay(owner, openToAll, first.port);
  cleanups.push(() => second.close());
  await owner.append("atoll.config", [{ value: value("c") }]);
  expect(texts(await follower.until(3))).toEqual(["a", "b", "c"]);
  expect(follower.markers()).toBe(1);
  expect(interruptions[0]).toBe("atoll.config unavailable");
});

test("reset dials again without losing or doubling records", async () => {
  const server = await serveRelay(owner);
  const log = relayLogTo(server.port);
  cleanups.push(
    () => server.close(),
    () => log.close(),
  );
  const follower = follow(log, "atoll.config");
  await owner.append("atoll.config", [{ value: value("a") }]);
  await follower.until(1);
  log.reset();
  await owner.append("atoll.config", [{ value: value("b") }]);
  expect(texts(await follower.until(2))).toEqual(["a", "b"]);
});

test("while it is suspended reads wait, writes are refused with the reason, and then both go on", async () => {
  const server = await serveRelay(owner);
  const log = relayLogTo(server.port);
  cleanups.push(
    () => server.close(),
    () => log.close(),
  );
  log.suspend(new LogError("unavailable", "not registered yet"));
  const follower = follow(log, "atoll.config");
  await owner.append("atoll.config", [{ value: value("a") }]);
  await expect(log.head("atoll.config")).rejects.toMatchObject({ code: "unavailable", message: "not registered yet" });
  expect(follower.records).toEqual([]);
  log.resume();
  await follower.until(1);
  log.suspend(new LogError("unavailable", "refused"));
  await owner.append("atoll.config", [{ value: value("b") }]);
  await expect(log.append("atoll.config", [{ value: value("lost") }])).rejects.toMatchObject({ message: "refused" });
  expect(texts(follower.records)).toEqual(["a"]);
  log.resume();
  expect(texts(await follower.until(2))).toEqual(["a", "b"]);
  log.suspend(new LogError("forbidden", "the token is revoked"));
  await expect(follower.ended).rejects.toMatchObject({ code: "forbidden", message: "the token is revoked" });
});

test("the policy decides by identity, operation and topic", async () => {
  const server = await serveRelay(owner, {
    authorize: async (metadata) => {
      const [token] = metadata.get("authorization");
      if (token !== "Bearer east") throw new RpcRefusal(status.UNAUTHENTICATED, "the token is not known");
      return { identity: "east" };
    },
    allows: (identity, operation, topic) => operation === "read" || (operation === "append" && topic === `atoll.zone.${identity}`),
    describeIdentity: (identity) => `zone ${identity}`,
  });
  await owner.ensureTopic({ name: "atoll.zone.east", cleanup: "compact" });
  let token = "east";
  const log = relayLogTo(server.port, { token: () => token });
  cleanups.push(
    () => server.close(),
    () => log.close(),
  );
  expect(await log.append("atoll.zone.east", [{ key: "k", value: value("v") }])).toEqual([0]);
  await expect(log.append("atoll.config", [{ value: value("v") }])).rejects.toMatchObject({
    code: "forbidden",
    message: "zone east may not append topic atoll.config",
  });
  await expect(log.head("atoll.config")).rejects.toMatchObject({ code: "forbidden" });
  token = "west";
  await expect(log.append("atoll.zone.east", [{ key: "k", value: value("v") }])).rejects.toMatchObject({
    code: "forbidden",
    message: "the token is not known",
  });
  await expect(follow(log, "atoll.config").ended).rejects.toMatchObject({ code: "forbidden" });
  expect(await owner.head("atoll.config")).toBe(0);
});

test("a stream ends with the reason when its caller may no longer read", async () => {
  const revoked = new AbortController();
  const server = await serveRelay(owner, { ...openToAll, authorize: async () => ({ identity: "east", revoked: revoked.signal }) });
  const log = relayLogTo(server.port);
  cleanups.push(
    () => server.close(),
    () => log.close(),
  );
  const follower = follow(log, "atoll.config");
  await owner.append("atoll.config", [{ value: value("a") }]);
  await follower.until(1);
  revoked.abort(new RpcRefusal(status.UNAUTHENTICATED, "the token was revoked"));
  await expect(follower.ended).rejects.toMatchObject({ code: "forbidden", message: "the token was revoked" });
});

test("a slow reader is not buffered for without limit, and gets everything", async () => {
  const server = await serveRelay(owner);
  const log = relayLogTo(server.port);
  cleanups.push(
    () => server.close(),
    () => log.close(),
  );
  for (let index = 0; index < 60; index += 1) await owner.append("atoll.config", [{ value: Buffer.alloc(200_000, index) }]);
  const stop = new AbortController();
  let next = 0;
  for await (const batch of log.read("atoll.config", 0, stop.signal)) {
    await new Promise((resolve) => setImmediate(resolve));
    for (const record of batch) expect([record.offset, record.value![0]]).toEqual([next, next++]);
    if (next === 60) stop.abort();
  }
  expect(next).toBe(60);
});

async function mirror(topic: string, from: EmbeddedLog, to: EmbeddedLog) {
  const server = await serveRelay(from);
  const relay = relayLogTo(server.port);
  const stop = new AbortController();
  const replaced: string[] = [];
  let caughtUp = (): void => {};
  const ready = new Promise<void>((resolve) => (caughtUp = resolve));
  const done = mirrorTopic({
    topic,
    from: relay,
    to,
    signal: stop.signal,
    onCaughtUp: caughtUp,
    onReplaced: (reason) => replaced.push(reason),
  });
  const end = async () => {
    stop.abort();
    await done;
    await relay.close();
    server.close();
  };
  await Promise.race([ready, done]);
  return { replaced, end };
}

test("a mirror follows, resumes where its copy ends, and replaces a copy of another life of its source", async () => {
  const copy = await EmbeddedLog.open({ path: ":memory:" });
  cleanups.push(() => copy.close());
  await owner.append("atoll.config", [{ value: value("a") }]);
  const first = await mirror("atoll.config", owner, copy);
  const follower = follow(copy, "atoll.config");
  await owner.append("atoll.config", [{ value: value("b") }]);
  expect(texts(await follower.until(2))).toEqual(["a", "b"]);
  await first.end();

  await owner.append("atoll.config", [{ value: value("c") }]);
  const second = await mirror("atoll.config", owner, copy);
  expect(texts(await follower.until(3))).toEqual(["a", "b", "c"]);
  expect(second.replaced).toEqual([]);
  await second.end();

  const anew = await EmbeddedLog.open({ path: ":memory:" });
  cleanups.push(() => anew.close());
  await anew.ensureTopic({ name: "atoll.config", cleanup: "keep" });
  await anew.append(
    "atoll.config",
    ["A", "B", "C", "D"].map((text) => ({ value: value(text) })),
  );
  const third = await mirror("atoll.config", anew, copy);
  expect(third.replaced).toEqual(["the source was made anew"]);
  expect(texts(await follow(copy, "atoll.config").until(4))).toEqual(["A", "B", "C", "D"]);
  await expect(follower.ended).rejects.toMatchObject({ code: "out-of-range" });
  await third.end();
});

test("a mirror begins where its source's history was cut", async () => {
  const copy = await EmbeddedLog.open({ path: ":memory:" });
  cleanups.push(() => copy.close());
  await owner.append(
    "atoll.config",
    ["a", "b", "c"].map((text) => ({ value: value(text) })),
  );
  await owner.truncateBefore("atoll.config", 2);
  const { end } = await mirror("atoll.config", owner, copy);
  expect(await copy.describe("atoll.config")).toMatchObject({ head: 3, tail: 2 });
  await expect(copy.read("atoll.config", 0, new AbortController().signal)[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(LogError);
  await end();
});

test("a mirror goes up, too, and an absent source deletes nothing", async () => {
  const zone = await EmbeddedLog.open({ path: ":memory:" });
  cleanups.push(() => zone.close());
  const server = await serveRelay(owner);
  const up = relayLogTo(server.port);
  const stop = new AbortController();
  const done = mirrorTopic({ topic: "atoll.zone.east", from: zone, to: up, signal: stop.signal });
  cleanups.push(
    () => server.close(),
    () => up.close(),
    () => done,
    () => stop.abort(),
  );
  const follower = follow(owner, "atoll.zone.east");
  await zone.ensureTopic({ name: "atoll.zone.east", cleanup: "compact" });
  await zone.append("atoll.zone.east", [{ key: "Dataplane/default/a", value: value("1") }]);
  await zone.append("atoll.zone.east", [{ key: "Dataplane/default/a", value: value("2") }]);
  while (follower.records.at(-1)?.offset !== 1) await follower.until(follower.records.length + 1);
  expect(texts(follower.records).at(-1)).toBe("2");
  expect((await owner.describe("atoll.zone.east")).incarnation).toBe((await zone.describe("atoll.zone.east")).incarnation);
});
