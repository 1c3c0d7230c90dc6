import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddedLog } from "./embedded-log.ts";
import type { LogRecord } from "./event-log.ts";
import { archiveLines, checkArchive, restoreArchive } from "./log-archive.ts";

let source: EmbeddedLog;
let target: EmbeddedLog;
beforeEach(async () => {
  let now = 0;
  source = await EmbeddedLog.open({ path: ":memory:", tombstoneRetentionMs: 0, clock: () => (now += 10) });
  target = await EmbeddedLog.open({ path: ":memory:" });
});
afterEach(async () => {
  await source.close();
  await target.close();
});

const config = "atoll.config";
const zone = "atoll.zone.east";
const bytes = (text: string) => Buffer.from(text);

async function linesOf(log: EmbeddedLog, topics: string[]): Promise<string[]> {
  const parts = await Array.fromAsync(archiveLines(log, topics, new Date(0)));
  return parts.join("").trimEnd().split("\n");
}

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

async function recordsOf(log: EmbeddedLog, topic: string): Promise<LogRecord[]> {
  const stop = new AbortController();
  const records: LogRecord[] = [];
  for await (const batch of log.read(topic, 0, stop.signal)) {
    if (batch.length === 0) break;
    records.push(...batch.map((record) => ({ ...record, value: record.value && Buffer.from(record.value) })));
  }
  stop.abort();
  return records;
}

async function fill(): Promise<void> {
  await source.ensureTopic({ name: config, cleanup: "keep" });
  await source.ensureTopic({ name: zone, cleanup: "compact" });
  for (let index = 0; index < 2_500; index++)
    await source.append(config, [{ value: bytes(`{"id":"${index}","text":"ä"}`), headers: { traceparent: String(index) } }]);
  await source.append(config, [{ value: Buffer.from([0xff, 0xfe]) }, { value: bytes("") }, { value: null }]);
  await source.append(zone, [
    { key: "a", value: bytes("1") },
    { key: "b", value: bytes("2") },
    { key: "a", value: null },
    { key: "c", value: bytes("3") },
  ]);
  // Tombstones expire, and with them the way back for readers that had not come past them.
  await source.append(zone, [{ key: "d", value: bytes("4") }]);
}

test("a log that is restored is the same one: records, offsets, times, and for those who have copied it", async () => {
  await fill();
  const lines = await linesOf(source, [config, "atoll.nothing", zone]);
  expect(await checkArchive(each(lines))).toEqual({ topics: [config, zone], records: 2_506 });
  await restoreArchive(each(lines), target, { asCopy: true });
  for (const topic of [config, zone]) {
    expect(await recordsOf(target, topic)).toEqual(await recordsOf(source, topic));
    const { tail, ...before } = await source.describe(topic);
    expect(await target.describe(topic)).toMatchObject(before);
    // Whoever might have missed a tombstone starts again.
    expect(await target.tail(topic)).toBe(tail === 0 ? 0 : before.head);
  }
});

test("appended anew, the configuration has its revisions", async () => {
  await fill();
  const lines = await linesOf(source, [config]);
  await restoreArchive(each(lines), target, { asCopy: false });
  const plain = (records: LogRecord[]) => records.map((record) => ({ ...record, timestamp: 0 }));
  expect(plain(await recordsOf(target, config))).toEqual(plain(await recordsOf(source, config)));
  await expect(restoreArchive(each(lines), target, { asCopy: false })).rejects.toThrow("topic atoll.config has records already");
});

test("an archive that is not whole, or none at all, is refused", async () => {
  await fill();
  const lines = await linesOf(source, [zone]);
  const refusal = (changed: readonly string[]) => checkArchive(each(changed)).catch((error: Error) => error.message);
  expect(await refusal(lines.slice(0, -1))).toBe("the archive is not whole: its last line is missing");
  expect(await refusal([...lines.slice(0, -1), lines.at(-1)!.slice(0, 5)])).toContain("is not JSON");
  expect(await refusal(lines.toSpliced(2, 1))).toBe("it has 2 records of 1 topics, and says 3 of 1");
  expect(await refusal(['{"type":"Mesh"}'])).toBe("this is no archive of a log of Atoll");
  expect(await refusal([lines[0]!.replace('"version":1', '"version":2')])).toBe("the archive has version 2, this Atoll knows 1");
  expect(await refusal([])).toBe("the archive is not whole: its last line is missing");
});
