import { afterEach, beforeEach, expect, test } from "vitest";
import { withDirectRead } from "./direct-read.ts";
import { EmbeddedLog } from "./embedded-log.ts";
import { LogError, topics } from "./event-log.ts";
import type { EventLog, LogRecord, MirrorLog } from "./event-log.ts";
import { mirrorTopic } from "./mirror-topic.ts";

let source: EmbeddedLog;
let mirror: EmbeddedLog;
let stop: AbortController;
beforeEach(async () => {
  stop = new AbortController();
  source = await EmbeddedLog.open({ path: ":memory:" });
  mirror = await EmbeddedLog.open({ path: ":memory:" });
  await source.ensureTopic({ name: topics.config, cleanup: "keep" });
});
afterEach(async () => {
  stop.abort();
  await source.close();
  await mirror.close();
});

const put = (text: string) => source.append(topics.config, [{ value: Buffer.from(text) }]);
const mirrored = () => mirrorTopic({ topic: topics.config, from: source, to: mirror, signal: stop.signal }).catch(() => undefined);
const text = ({ offset, value }: LogRecord) => `${offset}=${Buffer.from(value!).toString()}`;

/** Follows until it is stopped; tells what came so far. */
function follow(log: EventLog, from = 0): { got: string[]; ended: Promise<unknown> } {
  const got: string[] = [];
  const run = async (): Promise<unknown> => {
    try {
      for await (const batch of log.read(topics.config, from, stop.signal)) got.push(...(batch.length === 0 ? ["."] : batch.map(text)));
      return "stopped";
    } catch (error) {
      return error;
    }
  };
  return { got, ended: run() };
}

const both = (direct: MirrorLog, onForeign: (error: Error) => void = (error) => expect.fail(error.message)) =>
  withDirectRead({ log: mirror, direct, topic: topics.config, onForeign });

test("records come once, in order, from whichever has them first", async () => {
  await put("a");
  void mirrored();
  await expect.poll(() => mirror.head(topics.config)).toBe(1);
  stop.abort();
  stop = new AbortController();
  await put("b");
  // The mirror stands still: what is new comes from its source.
  const { got, ended } = follow(both(source));
  await expect.poll(() => got.filter((one) => one !== ".")).toEqual(["0=a", "1=b"]);
  await put("c");
  await expect.poll(() => got.at(-1)).toBe("2=c");
  void mirrored();
  await expect.poll(() => mirror.head(topics.config)).toBe(3);
  await put("d");
  await expect.poll(() => mirror.head(topics.config)).toBe(4);
  await expect.poll(() => got.filter((one) => one !== ".")).toEqual(["0=a", "1=b", "2=c", "3=d"]);
  expect(got.filter((one) => one === ".")).toEqual(["."]);
  stop.abort();
  expect(await ended).toBe("stopped");
});

test("with the source away the mirror is enough, and the other way round; without both the reading ends", async () => {
  await put("a");
  void mirrored();
  await expect.poll(() => mirror.head(topics.config)).toBe(1);
  const away = { ...bound(source), describe: () => Promise.reject(new LogError("unavailable", "away")) };
  const { got, ended } = follow(both(away));
  await expect.poll(() => got).toEqual(["0=a", "."]);
  await put("b");
  await expect.poll(() => got.at(-1)).toBe("1=b");
  const other = follow(both(source));
  await expect.poll(() => other.got).toContain("1=b");
  await mirror.close();
  await put("c");
  await expect.poll(() => other.got.at(-1)).toBe("2=c");
  await source.close();
  expect(await other.ended).toMatchObject({ code: "closed" });
  stop.abort();
  await ended;
});

test("a source that is another log than the mirrored one is not read", async () => {
  await put("a");
  void mirrored();
  await expect.poll(() => mirror.head(topics.config)).toBe(1);
  const stranger = await EmbeddedLog.open({ path: ":memory:" });
  await stranger.ensureTopic({ name: topics.config, cleanup: "keep" });
  await stranger.append(topics.config, [{ value: Buffer.from("x") }, { value: Buffer.from("y") }]);
  const foreign: string[] = [];
  const { got } = follow(both(stranger, (error) => foreign.push(error.message)));
  await expect.poll(() => foreign).toHaveLength(1);
  await put("b");
  await expect.poll(() => got.filter((one) => one !== ".")).toEqual(["0=a", "1=b"]);
  await stranger.close();
});

const bound = (log: MirrorLog): MirrorLog => ({
  describe: (topic) => log.describe(topic),
  ensureTopic: (topic) => log.ensureTopic(topic),
  append: (topic, records) => log.append(topic, records),
  appendMirror: (topic, records, options) => log.appendMirror(topic, records, options),
  read: (topic, from, signal) => log.read(topic, from, signal),
  head: (topic) => log.head(topic),
  tail: (topic) => log.tail(topic),
  close: () => log.close(),
});
