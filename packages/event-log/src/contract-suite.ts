import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LogError } from "./event-log.ts";
import type { EventLog, LogRecord } from "./event-log.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | null): string | null => (value === null ? null : new TextDecoder().decode(value));

/** Reads until `enough` says so, within the test's time limit. */
async function collect(log: EventLog, topic: string, from: number, enough: (records: LogRecord[], markers: number) => boolean) {
  const stop = new AbortController();
  const records: LogRecord[] = [];
  /** How many records had come when the log said that the head is reached. */
  const markers: number[] = [];
  for await (const batch of log.read(topic, from, stop.signal)) {
    if (batch.length === 0) markers.push(records.length);
    records.push(...batch);
    if (enough(records, markers.length)) stop.abort();
  }
  return { records, markers };
}

/** What every adapter of the port `EventLog` does. `open` gives an empty log. */
export function eventLogContract(name: string, open: () => Promise<{ log: EventLog; close: () => Promise<void> }>): void {
  describe(`${name} is an EventLog`, () => {
    let log: EventLog;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ log, close } = await open());
      await log.ensureTopic({ name: "kept", cleanup: "keep" });
      await log.ensureTopic({ name: "compacted", cleanup: "compact" });
    });
    afterEach(() => close());

    const code = (promise: Promise<unknown>) =>
      promise.then(
        () => "done",
        (error: unknown) => (error instanceof LogError ? error.code : error),
      );

    test("records that need not be durable are read like others, in the order of all", async () => {
      const offsets = await Promise.all([
        log.append("compacted", [{ key: "a", value: bytes("1") }], { durable: false }),
        log.append("compacted", [{ key: "b", value: bytes("2") }]),
        log.append("compacted", [{ key: "c", value: bytes("3") }], { durable: false }),
      ]);
      expect(offsets).toEqual([[0], [1], [2]]);
      const { records } = await collect(log, "compacted", 0, (_, markers) => markers > 0);
      expect(records.map(({ key, value }) => `${key}=${text(value)}`)).toEqual(["a=1", "b=2", "c=3"]);
    });

    test("gives offsets in order, and the records back as they were", async () => {
      const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tracestate: "vendor=1" };
      expect(await log.append("kept", [{ key: "a", value: bytes("1"), headers }, { value: bytes("2") }])).toEqual([0, 1]);
      expect(await log.append("kept", [{ key: "a", value: null }])).toEqual([2]);
      const { records } = await collect(log, "kept", 0, (got) => got.length >= 3);
      expect(records.map((record) => ({ ...record, timestamp: 0, value: text(record.value) }))).toEqual([
        { offset: 0, timestamp: 0, key: "a", value: "1", headers },
        { offset: 1, timestamp: 0, key: null, value: "2", headers: {} },
        { offset: 2, timestamp: 0, key: "a", value: null, headers: {} },
      ]);
      expect(Math.abs(Date.now() - records[0]!.timestamp)).toBeLessThan(60_000);
      expect(await log.head("kept")).toBe(3);
      expect(await log.tail("kept")).toBe(0);
    });

    test("keeps an empty value apart from a tombstone", async () => {
      await log.append("kept", [{ value: bytes("") }, { value: null }]);
      const { records } = await collect(log, "kept", 0, (got) => got.length >= 2);
      expect(records.map((record) => text(record.value))).toEqual(["", null]);
    });

    test("says once that the head is reached, then follows", async () => {
      await log.append("kept", [{ value: bytes("0") }]);
      const following = collect(log, "kept", 0, (got) => got.length >= 4);
      await log.append("kept", [{ value: bytes("1") }]);
      await log.append("kept", [{ value: bytes("2") }, { value: bytes("3") }]);
      const { records, markers } = await following;
      expect(records.map((record) => text(record.value))).toEqual(["0", "1", "2", "3"]);
      expect(markers.length).toBeLessThanOrEqual(1);
      const { markers: late } = await collect(log, "kept", 4, (_, count) => count > 0);
      expect(late).toEqual([0]);
    });

    test("starts at the offset asked for, also in the middle and beyond the head", async () => {
      await log.append("kept", [{ value: bytes("0") }, { value: bytes("1") }, { value: bytes("2") }]);
      const { records } = await collect(log, "kept", 1, (got) => got.length >= 2);
      expect(records.map((record) => record.offset)).toEqual([1, 2]);
      const beyond = collect(log, "kept", 4, (got) => got.length >= 1);
      await log.append("kept", [{ value: bytes("3") }, { value: bytes("4") }]);
      expect((await beyond).records.map((record) => record.offset)).toEqual([4]);
    });

    test("gives many followers every record, in one order, under concurrent appends", async () => {
      const total = 400;
      const followers = [0, 1, 2].map(() => collect(log, "kept", 0, (got) => got.length >= total));
      const offsets = await Promise.all(Array.from({ length: total }, (_, index) => log.append("kept", [{ value: bytes(String(index)) }])));
      expect(new Set(offsets.flat()).size).toBe(total);
      const orders = (await Promise.all(followers)).map(({ records }) => records.map((record) => `${record.offset}=${text(record.value)}`));
      expect(orders[1]).toEqual(orders[0]);
      expect(orders[2]).toEqual(orders[0]);
      for (const [index, [offset]] of offsets.entries()) expect(orders[0]![offset!]).toBe(`${offset}=${index}`);
    });

    test("keeps the order of one caller's appends", async () => {
      const offsets = await Promise.all(["a", "b", "c", "d"].map((value) => log.append("kept", [{ value: bytes(value) }])));
      expect(offsets.flat()).toEqual([0, 1, 2, 3]);
    });

    test("an append is all or nothing, and together", async () => {
      const groups = await Promise.all(
        [0, 1, 2].map(() =>
          log.append(
            "kept",
            Array.from({ length: 10 }, () => ({ value: bytes("x") })),
          ),
        ),
      );
      for (const offsets of groups) expect(offsets).toEqual(offsets.map((_, index) => offsets[0]! + index));
    });

    test("a compacted topic keeps the newest record of each key", async () => {
      for (let round = 0; round < 3; round += 1) {
        for (const key of ["a", "b", "c"]) await log.append("compacted", [{ key, value: bytes(`${key}${round}`) }]);
      }
      await log.append("compacted", [{ key: "b", value: null }]);
      const { records } = await collect(log, "compacted", 0, (_, markers) => markers > 0);
      const state = new Map(records.map((record) => [record.key, text(record.value)]));
      expect(Object.fromEntries(state)).toEqual({ a: "a2", b: null, c: "c2" });
      expect(records.map((record) => record.offset)).toEqual(records.map((record) => record.offset).sort((a, b) => a - b));
      expect(await log.head("compacted")).toBe(10);
    });

    test("refuses with a code", async () => {
      expect(await code(log.append("absent", [{ value: bytes("x") }]))).toBe("unknown-topic");
      expect(await code(log.ensureTopic({ name: "kept", cleanup: "compact" }))).toBe("topic-mismatch");
      expect(await code(log.ensureTopic({ name: "kept", cleanup: "keep" }))).toBe("done");
      expect(await code(log.append("compacted", [{ value: bytes("no key") }]))).toBe("topic-mismatch");
      expect(await code(log.append("kept", [{ value: new Uint8Array(9 * 1024 * 1024) }]))).toBe("too-large");
      expect(await log.head("kept")).toBe(0);
    });

    test("carries large records", async () => {
      await log.append("kept", [{ value: new Uint8Array(5 * 1024 * 1024).fill(7) }, { value: bytes("next") }]);
      const { records } = await collect(log, "kept", 0, (got) => got.length >= 2);
      expect(records.map((record) => record.value!.byteLength)).toEqual([5 * 1024 * 1024, 4]);
    });

    test("an absent topic reads as empty, and is followed when it comes", async () => {
      expect(await log.head("later")).toBe(0);
      const reading = collect(log, "later", 0, (got) => got.length >= 1);
      await log.ensureTopic({ name: "later", cleanup: "compact" });
      await log.append("later", [{ key: "k", value: bytes("v") }]);
      expect((await reading).records.map((record) => record.key)).toEqual(["k"]);
    });

    test("a reader stops at its signal, also when there is nothing to read", async () => {
      const stop = new AbortController();
      const reading = (async () => {
        for await (const _ of log.read("kept", 0, stop.signal)) stop.abort();
      })();
      await reading;
      const stopped = new AbortController();
      stopped.abort();
      for await (const _ of log.read("kept", 0, stopped.signal)) throw new Error("gave a batch after the abort");
    });

    test('after close, calls and readers end with "closed"', async () => {
      const reader = code(collect(log, "kept", 0, () => false));
      await log.head("kept");
      await log.close();
      expect(await reader).toBe("closed");
      expect(await code(log.append("kept", [{ value: bytes("x") }]))).toBe("closed");
    });
  });
}
