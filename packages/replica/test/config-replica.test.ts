import { type EventLog, LogError, type NewRecord, topics } from "@atoll/event-log";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ChangeEvent, type ChangeSet, ConfigReplica, readNewestSnapshot } from "../src/index.ts";
import { changeSet, key, memoryLog, put, remove } from "./fixtures.ts";

type Log = Awaited<ReturnType<typeof memoryLog>>;
let log: Log;
let opened: ConfigReplica[] = [];

beforeEach(async () => {
  log = await memoryLog();
});
afterEach(async () => {
  for (const replica of opened) await replica.close();
  opened = [];
  await log.close();
});

async function open(more: Partial<Parameters<typeof ConfigReplica.open>[0]> = {}): Promise<ConfigReplica> {
  const replica = await ConfigReplica.open({ log, ...more });
  opened.push(replica);
  return replica;
}

/** The log with some methods replaced. */
const logWith = (more: Partial<EventLog>): EventLog =>
  new Proxy(log, {
    get: (target, name) => {
      const member = (more as Record<string | symbol, unknown>)[name] ?? Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });

describe("submit", () => {
  test("a write is readable when its verdict is there, and in another replica from its revision on", async () => {
    const [a, b] = [await open(), await open()];
    const verdict = await a.submit(changeSet([put("Mesh", "", "default", { n: 1 })]));
    expect(verdict).toEqual({ accepted: true, revision: 1, changed: [key("Mesh", "", "default")] });
    expect(a.get("Mesh", "", "default")?.spec).toEqual({ n: 1 });
    await b.waitFor(verdict.revision, { timeoutMs: 5_000 });
    expect(b.get("Mesh", "", "default")?.spec).toEqual({ n: 1 });
    expect(await b.lag()).toEqual({ revision: 1, head: 1, records: 0 });
  });

  test("an append whose answer was lost is repeated and counts once", async () => {
    let losses = 2;
    const repeated = Promise.withResolvers<void>();
    const lossy = logWith({
      append: async (topic: string, records: readonly NewRecord[]) => {
        const offsets = await log.append(topic, records);
        if (topic !== topics.config) return offsets;
        if (losses-- > 0) throw new LogError("unavailable", "answer lost");
        repeated.resolve();
        return offsets;
      },
      // Held back, so that the writer cannot see its record before it has repeated it.
      read: async function* (topic: string, from: number, signal: AbortSignal) {
        for await (const batch of log.read(topic, from, signal)) {
          if (batch.length > 0) await repeated.promise;
          yield batch;
        }
      },
    });
    const writer = await open({ log: lossy });
    const verdict = await writer.submit(
      changeSet([put("Mesh", "", "default")], { expect: [{ key: key("Mesh", "", "default"), revision: null }] }),
    );
    expect(verdict).toMatchObject({ accepted: true, revision: 1 });
    await writer.submit(changeSet([put("Mesh", "", "default", { n: 2 })], { expect: [{ key: key("Mesh", "", "default"), revision: 1 }] }));
    expect(writer.get("Mesh", "", "default")?.spec).toEqual({ n: 2 });
    expect(await log.head(topics.config)).toBe(4);
  });

  test("a log that stays away ends in 'unavailable', one that forbids in 'forbidden'", async () => {
    const refuse = (code: "unavailable" | "forbidden") =>
      logWith({
        append: async () => {
          throw new LogError(code, "no");
        },
      });
    const away = await open({ log: refuse("unavailable") });
    await expect(away.submit(changeSet([]), { timeoutMs: 60 })).rejects.toMatchObject({ code: "unavailable" });
    const forbidden = await open({ log: refuse("forbidden") });
    await expect(forbidden.submit(changeSet([]))).rejects.toMatchObject({ code: "forbidden" });
  });

  test("closing rejects what waits", async () => {
    const replica = await open();
    const waiting = replica.waitFor(99).catch((error: unknown) => error);
    await replica.close();
    expect(await waiting).toMatchObject({ code: "closed" });
    await expect(replica.submit(changeSet([]))).rejects.toMatchObject({ code: "closed" });
  });
});

test("1,000 conditional writes of 8 writers to 50 keys on two replicas: each acknowledged once, every loser rejected, equal checksums", async () => {
  const replicas = [await open(), await open()];
  const acknowledged = new Map<string, number[]>();
  let [accepted, rejected] = [0, 0];
  const writer = async (n: number): Promise<void> => {
    const replica = replicas[n % 2]!;
    for (let i = 0; i < 125; i++) {
      const name = `key-${(i * (1 + (n % 4))) % 50}`;
      const seen = replica.get<{ count: number }>("Timeout", "default", name);
      const set = changeSet([put("Timeout", "default", name, { count: (seen?.spec.count ?? 0) + 1, by: n })], {
        expect: [{ key: key("Timeout", "default", name), revision: seen?.revision ?? null }],
      });
      const verdict = await replica.submit(set);
      if (!verdict.accepted) {
        rejected++;
        continue;
      }
      accepted++;
      acknowledged.set(name, [...(acknowledged.get(name) ?? []), verdict.revision]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, n) => writer(n)));
  expect(accepted + rejected).toBe(1000);
  expect(rejected).toBeGreaterThan(0);
  expect(new Set([...acknowledged.values()].flat()).size).toBe(accepted);

  await Promise.all(replicas.map((replica) => replica.waitFor(1000)));
  for (const [name, revisions] of acknowledged) {
    // No update was lost: as many increments as acknowledgements, the last one standing.
    expect(replicas[0]!.get("Timeout", "default", name)).toMatchObject({
      spec: { count: revisions.length },
      revision: Math.max(...revisions),
    });
  }
  expect(replicas[0]!.checksum()).toBe(replicas[1]!.checksum());
  const restarted = await open();
  expect(restarted.revision).toBe(1000);
  expect(restarted.checksum()).toBe(replicas[0]!.checksum());
});

describe("watch", () => {
  test("one event per batch, none for equal values", async () => {
    const replica = await open();
    const events: ChangeEvent[] = [];
    const unwatch = replica.watch((event) => {
      expect(replica.revision).toBe(event.revision);
      events.push(event);
    });
    await Promise.all([replica.submit(changeSet([put("Mesh", "", "a")])), replica.submit(changeSet([put("Mesh", "", "b")]))]);
    expect(events).toEqual([{ revision: 2, keys: [key("Mesh", "", "a"), key("Mesh", "", "b")] }]);
    await replica.submit(changeSet([put("Mesh", "", "a")], { at: "2026-03-03T00:00:00Z" }));
    expect(events).toHaveLength(1);
    expect(replica.get("Mesh", "", "a")?.modificationTime).toBe("2026-03-03T00:00:00Z");
    unwatch();
    await replica.submit(changeSet([remove("Mesh", "", "a")]));
    expect(events).toHaveLength(1);
  });

  test("an unreadable record and a listener that throws stop nothing", async () => {
    const errors: unknown[] = [];
    const replica = await open({ onError: (error) => errors.push(error) });
    replica.watch(() => {
      throw new Error("broken listener");
    });
    await log.append(topics.config, [{ value: new TextEncoder().encode('{"id":1}') }, { value: null }]);
    const verdict = await replica.submit(changeSet([put("Mesh", "", "a")]));
    expect(verdict.revision).toBe(3);
    expect(errors).toHaveLength(3);
    expect((await open()).checksum()).toBe(replica.checksum());
  });
});

describe("snapshots", () => {
  const fill = async (replica: ConfigReplica, from: number, to: number): Promise<void> => {
    const sets: ChangeSet[] = [];
    for (let i = from; i < to; i++) sets.push(changeSet([put("Timeout", "default", `t-${i % 40}`, { i, text: "x".repeat(9_000) })]));
    await Promise.all(sets.map((set) => replica.submit(set)));
  };

  test("snapshot and tail give what a full replay gives", async () => {
    const replica = await open();
    await fill(replica, 0, 100);
    expect(await replica.writeSnapshot()).toBe(100);
    const repeated = changeSet([put("Mesh", "", "once")]);
    await replica.submit(repeated);
    await fill(replica, 101, 150);
    expect((await readNewestSnapshot(log))?.capture.revision).toBe(100);
    const fromSnapshot = await open();
    expect(fromSnapshot.revision).toBe(150);
    expect(fromSnapshot.checksum()).toBe(replica.checksum());
    expect((await replica.at(150)).checksum()).toBe(replica.checksum());
  });

  test("ids are remembered across a snapshot", async () => {
    const replica = await open();
    const first = changeSet([put("Mesh", "", "default", { n: 1 })]);
    await replica.submit(first);
    await replica.submit(changeSet([put("Mesh", "", "default", { n: 2 })]));
    await replica.writeSnapshot();
    const restarted = await open();
    expect(await restarted.submit(first)).toEqual({ accepted: true, revision: 1, changed: [] });
    expect(restarted.get("Mesh", "", "default")?.spec).toEqual({ n: 2 });
    await replica.waitFor(3);
    expect(restarted.checksum()).toBe(replica.checksum());
  });

  test("a snapshot that was cut off leaves the one before in force", async () => {
    const replica = await open();
    await fill(replica, 0, 60);
    await replica.writeSnapshot();
    await fill(replica, 60, 120);
    let appends = 0;
    const dying = await open({
      log: logWith({
        append: (topic: string, records: readonly NewRecord[]) => {
          if (topic === topics.configSnapshots && ++appends === 2) throw new LogError("forbidden", "died half way");
          return log.append(topic, records);
        },
      }),
    });
    await expect(dying.writeSnapshot()).rejects.toThrow("died half way");
    expect((await readNewestSnapshot(log))?.capture.revision).toBe(60);
    expect((await open()).checksum()).toBe(replica.checksum());
    expect(await replica.writeSnapshot()).toBe(120);
    expect((await readNewestSnapshot(log))?.capture.revision).toBe(120);
  });

  test("they are written by themselves when records have gathered, and an idle writer adds none", async () => {
    const replica = await open({ snapshots: { everyRecords: 50 } });
    await fill(replica, 0, 60);
    expect(await replica.writeSnapshot()).toBe(60);
    const head = await log.head(topics.configSnapshots);
    expect(await replica.writeSnapshot()).toBe(60);
    expect(await log.head(topics.configSnapshots)).toBe(head);
  });

  test("a replica whose next record is gone rebuilds from the snapshot and tells what changed", async () => {
    const writer = await open();
    await fill(writer, 0, 10);
    // This one's reader is stuck until the log has been cut behind its position.
    const gate = Promise.withResolvers<void>();
    let held = false;
    const late = await open({
      log: logWith({
        read: async function* (topic: string, from: number, signal: AbortSignal) {
          for await (const batch of log.read(topic, from, signal)) {
            if (held && topic === topics.config) {
              await gate.promise;
              held = false;
              throw new LogError("unavailable", "connection lost");
            }
            yield batch;
          }
        },
      }),
    });
    held = true;
    const events: ChangeEvent[] = [];
    late.watch((event) => events.push(event));
    await fill(writer, 10, 30);
    await writer.submit(changeSet([remove("Timeout", "default", "t-3")]));
    await writer.writeSnapshot();
    await log.truncateBefore(topics.config, 31);
    const last = await writer.submit(changeSet([put("Mesh", "", "last")]));
    gate.resolve();
    await late.waitFor(last.revision, { timeoutMs: 5_000 });
    expect(late.checksum()).toBe(writer.checksum());
    expect(late.get("Timeout", "default", "t-3")).toBeUndefined();
    expect(events.flatMap((event) => event.keys)).toContain(key("Timeout", "default", "t-3"));
    expect(events.flatMap((event) => event.keys)).not.toContain(key("Timeout", "default", "t-5"));
  });
});

describe("history", () => {
  test("states, differences and change sets of the past", async () => {
    const replica = await open();
    await replica.submit(changeSet([put("Mesh", "", "a", { n: 1 }), put("Mesh", "", "b")]));
    await replica.submit(changeSet([put("Mesh", "", "a", { n: 2 })], { reason: "tuning" }));
    await replica.submit(changeSet([remove("Mesh", "", "b")], { expect: [{ key: key("Mesh", "", "b"), revision: 9 }] }));
    await replica.submit(changeSet([remove("Mesh", "", "b"), put("Mesh", "", "c")]));
    expect((await replica.at(1)).get("Mesh", "", "a")?.spec).toEqual({ n: 1 });
    expect((await replica.diff(1, 4)).map(({ key: k, before, after }) => [k, before?.spec, after?.spec])).toEqual([
      [key("Mesh", "", "a"), { n: 1 }, { n: 2 }],
      [key("Mesh", "", "b"), {}, undefined],
      [key("Mesh", "", "c"), undefined, {}],
    ]);
    expect((await replica.diff(4, 1)).find(({ key: k }) => k === key("Mesh", "", "b"))).toMatchObject({ before: undefined });
    const history = await replica.changeSets(2, 3);
    expect(history.map(({ revision, changeSet: set, verdict }) => [revision, set.reason, verdict.accepted])).toEqual([
      [2, "tuning", true],
      [3, undefined, false],
    ]);
    // Another process folds it anew from the log, with the same verdicts.
    await replica.writeSnapshot();
    expect(await (await open()).changeSets(2, 3)).toEqual(history);
    await expect(replica.at(9)).rejects.toThrow("revision 9 is not in the log yet");
  });

  test("the revision of a time is the newest that the log had then", async () => {
    const times = [10, 20, 20, 30, 50];
    const timed = logWith({
      read: async function* (topic: string, from: number, signal: AbortSignal) {
        for await (const batch of log.read(topic, from, signal)) {
          yield batch.map((record) => ({ ...record, timestamp: times[record.offset]! }));
        }
      },
    });
    const replica = await open({ log: timed });
    for (const n of times) await replica.submit(changeSet([put("Mesh", "", `m${n}`)]));
    const asked = [9, 10, 19, 20, 29, 30, 49, 50, 99];
    expect(await Promise.all(asked.map((time) => replica.revisionAt(time)))).toEqual([0, 1, 1, 3, 3, 4, 4, 5, 5]);
  });

  test("what was cut off the log is said to be gone", async () => {
    const replica = await open();
    for (let i = 0; i < 4; i++) await replica.submit(changeSet([put("Mesh", "", `m-${i}`)]));
    await replica.writeSnapshot();
    await log.truncateBefore(topics.config, 3);
    await expect(replica.at(2)).rejects.toThrow("no longer in the log");
    await expect(replica.revisionAt(0)).rejects.toThrow("the log begins after revision 3");
    expect(await replica.revisionAt(Number.MAX_SAFE_INTEGER)).toBe(4);
    expect((await replica.at(4)).list("Mesh")).toHaveLength(4);
  });
});
