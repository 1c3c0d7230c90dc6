import { startKafkaBroker } from "@atoll/testkit";
import type { KafkaBroker } from "@atoll/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LogError } from "./event-log.ts";
import type { LogRecord } from "./event-log.ts";
import { KafkaLog } from "./kafka-log.ts";

let broker: KafkaBroker;
const logs: KafkaLog[] = [];
beforeAll(async () => {
  broker = await startKafkaBroker();
}, 120_000);
afterAll(async () => {
  for (const log of logs) await log.close();
  await broker?.close();
});

function open(appendTimeoutMs: number, onReadInterrupted?: (topic: string, error: LogError) => void): KafkaLog {
  const log = new KafkaLog({ brokers: [broker.brokers], appendTimeoutMs, ...(onReadInterrupted ? { onReadInterrupted } : {}) });
  logs.push(log);
  return log;
}

const text = (record: LogRecord): string => Buffer.from(record.value!).toString();

async function everything(log: KafkaLog, topic: string): Promise<LogRecord[]> {
  const stop = new AbortController();
  const records: LogRecord[] = [];
  for await (const batch of log.read(topic, 0, stop.signal)) {
    if (batch.length === 0) stop.abort();
    records.push(...batch);
  }
  return records;
}

test(
  "a broker that is killed under appends loses and doubles nothing that was acknowledged; readers go on",
  { timeout: 120_000 },
  async () => {
    const log = open(60_000);
    await log.ensureTopic({ name: "numbers", cleanup: "keep" });
    const stop = new AbortController();
    const followed: string[] = [];
    const interruptions: string[] = [];
    const follower = open(1_000, (topic, error) => interruptions.push(`${topic} ${error.code}`));
    const following = (async () => {
      for await (const batch of follower.read("numbers", 0, stop.signal))
        for (const record of batch) followed.push(`${record.offset}=${text(record)}`);
    })();

    const acknowledged: string[] = [];
    let next = 0;
    let writing = true;
    const lane = async (): Promise<void> => {
      while (writing) {
        const mine = `n${(next += 1)}`;
        const [offset] = await log.append("numbers", [{ value: Buffer.from(mine) }]);
        acknowledged.push(`${offset}=${mine}`);
      }
    };
    const lanes = Array.from({ length: 20 }, lane);
    for (let round = 0; round < 2; round += 1) {
      const before = acknowledged.length;
      await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(before + 300);
      await broker.kill();
      await broker.start();
    }
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(before + 300);
    writing = false;
    await Promise.all(lanes);

    const stored = (await everything(log, "numbers")).map((record) => `${record.offset}=${text(record)}`);
    expect(new Set(stored.map((line) => line.split("=")[1])).size).toBe(stored.length);
    expect(stored).toHaveLength(acknowledged.length);
    expect(new Set(stored)).toEqual(new Set(acknowledged));
    await expect.poll(() => followed.length, { timeout: 20_000 }).toBe(stored.length);
    expect(followed).toEqual(stored);
    expect(interruptions[0]).toBe("numbers unavailable");
    stop.abort();
    await following;
  },
);

test("while no broker is there appends are refused with the reason; they go on when it is back", { timeout: 120_000 }, async () => {
  const log = open(700);
  await log.ensureTopic({ name: "refusals", cleanup: "keep" });
  await log.append("refusals", [{ value: Buffer.from("before") }]);
  await broker.kill();
  const refused: unknown = await log.append("refusals", [{ value: Buffer.from("away") }]).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(LogError);
  expect(refused).toMatchObject({ code: "unavailable", canRetry: true, message: expect.stringContaining("ECONNREFUSED") });
  await expect(log.head("refusals")).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("ECONNREFUSED") });
  // Nothing waits behind what was refused.
  await expect(Promise.all([1, 2, 3].map(() => log.append("refusals", [{ value: Buffer.from("away") }])))).rejects.toMatchObject({
    code: "unavailable",
  });
  await broker.start();
  const returned = performance.now();
  await expect
    .poll(
      () =>
        log.append("refusals", [{ value: Buffer.from("after") }]).then(
          () => "stored",
          (error: LogError) => error.message,
        ),
      { timeout: 15_000 },
    )
    .toBe("stored");
  expect(performance.now() - returned).toBeLessThan(15_000);
  const stored = (await everything(log, "refusals")).map(text);
  expect(stored.filter((value) => value === "before")).toHaveLength(1);
  expect(stored.at(-1)).toBe("after");
});

test("100,000 records are replayed in bounded memory", { timeout: 120_000 }, async () => {
  const log = open(30_000);
  await log.ensureTopic({ name: "long", cleanup: "keep" });
  const value = Buffer.alloc(500, 7);
  const total = 100_000;
  const group = Array.from({ length: 1_000 }, () => ({ value }));
  for (let done = 0; done < total; done += group.length) await log.append("long", group);

  const began = performance.now();
  const stop = new AbortController();
  let count = 0;
  let largest = 0;
  for await (const batch of log.read("long", 0, stop.signal)) {
    if (batch.length === 0) stop.abort();
    count += batch.length;
    largest = Math.max(
      largest,
      batch.reduce((sum, record) => sum + record.value!.byteLength, 0),
    );
  }
  const tookMs = performance.now() - began;
  expect(count).toBe(total);
  expect(largest).toBeLessThan(2 * 1024 * 1024);
  console.log(`replay: ${total} records of 500 bytes in ${Math.round(tookMs)} ms`);
  expect(tookMs).toBeLessThan(15_000);
});
