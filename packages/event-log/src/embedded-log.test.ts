import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EmbeddedLog } from "./embedded-log.ts";
import type { LogRecord } from "./event-log.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atoll-log-"));
  path = join(folder, "log.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

const value = (text: string) => Buffer.from(text);
const copied = (offset: number, key: string | null, text: string | null): LogRecord => ({
  offset,
  timestamp: 1_000 + offset,
  key,
  value: text === null ? null : value(text),
  headers: {},
});

async function contents(log: EmbeddedLog, topic: string, from = 0): Promise<string[]> {
  const stop = new AbortController();
  const records: string[] = [];
  for await (const batch of log.read(topic, from, stop.signal)) {
    if (batch.length === 0) stop.abort();
    for (const record of batch)
      records.push(`${record.offset}:${record.key ?? ""}=${record.value === null ? "" : Buffer.from(record.value).toString()}`);
  }
  return records;
}

function startWriter() {
  const script = fileURLToPath(new URL("log-writer-fixture.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@atoll/source", "--disable-warning=ExperimentalWarning", script, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const acknowledged: number[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => acknowledged.push(Number(line)));
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return { child, acknowledged, exited };
}

test("every acknowledged append survives kill -9, three times over", async () => {
  let all: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const { child, acknowledged, exited } = startWriter();
    await eventually(() => acknowledged.length > 200, { limitMs: 20_000 });
    child.kill("SIGKILL");
    await exited;
    all = [...all, ...acknowledged];
    const log = await EmbeddedLog.open({ path });
    const kept = await contents(log, "numbers");
    // Nothing lost, nothing doubled, no gap: the record at each offset is the one that was written there.
    expect(kept).toEqual(kept.map((_, offset) => `${offset}:=${offset}`));
    expect(kept.length).toBeGreaterThan(Math.max(...all));
    expect((await contents(log, "latest")).length).toBe(4);
    await log.close();
  }
  expect(new Set(all).size).toBe(all.length);
});

test("a second process is told who is in the way, and may open the log once the first has gone", async () => {
  const { child, acknowledged, exited } = startWriter();
  await eventually(() => acknowledged.length > 0, { limitMs: 20_000 });
  await expect(EmbeddedLog.open({ path })).rejects.toMatchObject({
    code: "unavailable",
    message: `the log ${path} is in use by another process: one process owns an embedded log`,
  });
  child.kill("SIGKILL");
  await exited;
  await (await EmbeddedLog.open({ path })).close();
});

test("a second owner in the same process is refused too", async () => {
  const log = await EmbeddedLog.open({ path });
  await expect(EmbeddedLog.open({ path })).rejects.toMatchObject({ code: "unavailable" });
  await log.close();
});

test("refuses a file that is something else", async () => {
  writeFileSync(path, "these are not the pages of a database, and there are enough of them to tell".repeat(100));
  await expect(EmbeddedLog.open({ path })).rejects.toMatchObject({ code: "unavailable" });
});

test("offsets go on after a restart, also when the newest records were compacted or cut away", async () => {
  let log = await EmbeddedLog.open({ path });
  await log.ensureTopic({ name: "kept", cleanup: "keep" });
  await log.append("kept", [{ value: value("a") }, { value: value("b") }]);
  await log.truncateBefore("kept", 2);
  await log.close();
  log = await EmbeddedLog.open({ path });
  expect(await log.describe("kept")).toMatchObject({ head: 2, tail: 2 });
  expect(await log.append("kept", [{ value: value("c") }])).toEqual([2]);
  await expect(contents(log, "kept", 1)).rejects.toMatchObject({ code: "out-of-range" });
  expect(await contents(log, "kept", 2)).toEqual(["2:=c"]);
  await log.close();
});

test("tombstones stay for their time; who has not read them by then must start again", async () => {
  let now = 1_000_000;
  const log = await EmbeddedLog.open({ path, clock: () => now, tombstoneRetentionMs: 60_000 });
  await log.ensureTopic({ name: "t", cleanup: "compact" });
  await log.append("t", [
    { key: "a", value: value("1") },
    { key: "b", value: value("1") },
  ]);
  await log.append("t", [{ key: "a", value: null }]);
  now += 59_000;
  await log.append("t", [{ key: "b", value: value("2") }]);
  expect(await contents(log, "t", 1)).toEqual(["2:a=", "3:b=2"]);
  now += 2_000;
  await log.append("t", [{ key: "b", value: value("3") }]);
  expect(await contents(log, "t")).toEqual(["4:b=3"]);
  expect(await log.tail("t")).toBe(3);
  await expect(contents(log, "t", 1)).rejects.toMatchObject({ code: "out-of-range" });
  expect(await contents(log, "t", 3)).toEqual(["4:b=3"]);
  await log.close();
});

test("a mirror keeps offsets and times, skips what it has, and wakes its followers", async () => {
  const log = await EmbeddedLog.open({ path });
  await log.ensureTopic({ name: "m", cleanup: "keep" });
  const stop = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const batch of log.read("m", 0, stop.signal)) {
      for (const record of batch) seen.push(record.offset, record.timestamp);
      if (seen.length >= 6) stop.abort();
    }
  })();
  expect(await log.appendMirror("m", [copied(3, null, "x"), copied(7, null, "y")], { incarnation: "source-1" })).toBe(8);
  expect(await log.appendMirror("m", [copied(3, null, "x"), copied(7, null, "y"), copied(8, null, "z")], { incarnation: "source-1" })).toBe(
    9,
  );
  await following;
  expect(seen).toEqual([3, 1_003, 7, 1_007, 8, 1_008]);
  await expect(log.appendMirror("m", [copied(9, null, "other")], { incarnation: "source-2" })).rejects.toMatchObject({
    code: "topic-mismatch",
  });
  await log.close();
});

test("a replaced mirror changes at once, and sends its readers back to the start", async () => {
  const log = await EmbeddedLog.open({ path });
  await log.ensureTopic({ name: "m", cleanup: "compact" });
  await log.appendMirror("m", [copied(0, "a", "old"), copied(1, "b", "old"), copied(2, "c", "old")], { incarnation: "source-1" });
  const reading = contents(log, "m", 3)
    .then(() => log.read("m", 3, new AbortController().signal))
    .then(async (follower) => {
      for await (const batch of follower) if (batch.length > 0) return batch;
      return [];
    });
  const replaced = reading.catch((error: unknown) => error);
  await log.appendMirror("m", [copied(0, "a", "new")], { incarnation: "source-2", replacement: { first: true, last: false, tail: 0 } });
  expect(await contents(log, "m")).toEqual(["0:a=old", "1:b=old", "2:c=old"]);
  await log.appendMirror("m", [copied(4, "d", "new")], { incarnation: "source-2", replacement: { first: false, last: true, tail: 0 } });
  expect(await contents(log, "m")).toEqual(["0:a=new", "4:d=new"]);
  expect(await log.describe("m")).toMatchObject({ head: 5, incarnation: "source-2" });
  expect(await replaced).toMatchObject({ code: "out-of-range" });
  await log.close();
});

test("a failed write fails alone with what came with it, and the log goes on", async () => {
  const log = await EmbeddedLog.open({ path });
  await log.ensureTopic({ name: "kept", cleanup: "keep" });
  await expect(log.append("kept", [{ value: value("a") }, { value: 5 as never }])).rejects.toMatchObject({ code: "unavailable" });
  expect(await log.append("kept", [{ value: value("b") }])).toEqual([0]);
  expect(await contents(log, "kept")).toEqual(["0:=b"]);
  await log.close();
});

test("records that need not be durable are kept; after a crash of the machine their topic has another incarnation, and no other has", async () => {
  const log = await EmbeddedLog.open({ path, boot: "first" });
  for (const name of ["observed", "told"]) await log.ensureTopic({ name, cleanup: "compact" });
  await log.append("told", [{ key: "a", value: value("1") }]);
  for (const round of [1, 2, 3]) await log.append("observed", [{ key: "a", value: value(String(round)) }], { durable: false });
  const before = { observed: (await log.describe("observed")).incarnation, told: (await log.describe("told")).incarnation };

  /** The files as they are now, opened as if the process had ended without a word. */
  const reopened = async (boot: string) => {
    const copy = mkdtempSync(join(tmpdir(), "atoll-log-"));
    cpSync(folder, copy, { recursive: true });
    const again = await EmbeddedLog.open({ path: join(copy, "log.db"), boot });
    try {
      const [observed, told] = await Promise.all([again.describe("observed"), again.describe("told")]);
      return { observed: observed.incarnation, told: told.incarnation, contents: await contents(again, "observed") };
    } finally {
      await again.close();
      rmSync(copy, { recursive: true });
    }
  };
  expect(await reopened("first")).toEqual({ ...before, contents: ["2:a=3"] });
  const crashed = await reopened("second");
  expect(crashed.told).toBe(before.told);
  expect(crashed.observed).not.toBe(before.observed);
  expect(crashed.contents).toEqual(["2:a=3"]);
  await log.close();
  expect(await reopened("second")).toEqual({ ...before, contents: ["2:a=3"] });
});

test("what need not be durable is with its readers before the rest of its turn waits for the disk; each topic keeps its order", async () => {
  const log = await EmbeddedLog.open({ path });
  for (const name of ["observed", "told"]) await log.ensureTopic({ name, cleanup: "compact" });
  // The first one marks the topic, which is synced.
  await log.append("observed", [{ key: "mark", value: value("") }], { durable: false });
  const settled: string[] = [];
  const append = (topic: string, key: string, durable: boolean) =>
    log.append(topic, [{ key, value: value("x") }], { durable }).then(([offset]) => settled.push(`${topic} ${key} ${offset}`));
  await Promise.all([
    append("told", "a", true),
    append("observed", "b", false),
    append("told", "c", false),
    append("told", "d", true),
    append("observed", "e", false),
  ]);
  expect(settled).toEqual(["observed b 1", "observed e 2", "told a 0", "told c 1", "told d 2"]);
  const late = append("told", "f", true);
  await log.close();
  await late;
});

test("nobody is answered and nobody reads before the disk has it; what needs no disk does not wait for it", async () => {
  const syncs: PromiseWithResolvers<void>[] = [];
  const sync = () => {
    syncs.push(Promise.withResolvers<void>());
    return syncs.at(-1)!.promise;
  };
  const log = await EmbeddedLog.open({ path, journal: { sync, syncNow: () => {}, close: () => {} } });
  for (const name of ["observed", "kept"]) await log.ensureTopic({ name, cleanup: name === "kept" ? "keep" : "compact" });
  const marked = log.append("observed", [{ key: "mark", value: value("") }], { durable: false });
  await eventually(() => syncs.length === 1);
  syncs[0]!.resolve();
  await marked;

  const answered: string[] = [];
  const append = (text: string) => log.append("kept", [{ value: value(text) }]).then(([offset]) => answered.push(`${text} ${offset}`));
  const first = append("a");
  await eventually(() => syncs.length === 2);
  const others = [append("b"), append("c")];
  await log.append("observed", [{ key: "k", value: value("1") }], { durable: false });
  expect(await contents(log, "observed")).toEqual(["0:mark=", "1:k=1"]);
  expect([answered, await contents(log, "kept"), syncs.length]).toEqual([[], [], 2]);
  syncs[1]!.resolve();
  await first;
  expect(await contents(log, "kept")).toEqual(["0:=a"]);
  // Both that came meanwhile, with one.
  await eventually(() => syncs.length === 3);
  syncs[2]!.resolve();
  await Promise.all(others);
  expect(answered).toEqual(["a 0", "b 1", "c 2"]);
  expect(syncs.length).toBe(3);

  const lost = log.append("kept", [{ value: value("d") }]);
  await eventually(() => syncs.length === 4);
  syncs[3]!.reject(new Error("input/output error"));
  await expect(lost).rejects.toMatchObject({ code: "unavailable", message: "the disk did not take what was appended: input/output error" });
  await expect(log.append("kept", [{ value: value("e") }])).rejects.toMatchObject({ code: "unavailable" });
  await log.close();
});
