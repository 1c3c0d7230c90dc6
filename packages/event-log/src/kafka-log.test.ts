import { startKafka } from "@atoll/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SharedKafka } from "@atoll/testkit";
import { eventLogContract } from "./contract-suite.ts";
import { EmbeddedLog } from "./embedded-log.ts";
import { KafkaLog } from "./kafka-log.ts";
import { archiveLines, restoreArchive } from "./log-archive.ts";
import { relayLogTo, serveRelay } from "./relay-fixture.ts";

let kafka: SharedKafka;
beforeAll(async () => {
  kafka = await startKafka();
}, 120_000);
afterAll(() => kafka?.close());

const open = () => new KafkaLog({ brokers: kafka.brokers.split(","), topicPrefix: kafka.topicPrefix() });

eventLogContract("KafkaLog", async () => {
  const log = open();
  return { log, close: () => log.close() };
});

eventLogContract("RelayLog over KafkaLog", async () => {
  const owner = open();
  const server = await serveRelay(owner);
  const log = relayLogTo(server.port);
  return {
    log,
    close: async () => {
      await log.close();
      server.close();
      await owner.close();
    },
  };
});

test("the archive of an embedded log goes into Kafka with the revisions it had, once", async () => {
  const source = await EmbeddedLog.open({ path: ":memory:" });
  const target = open();
  const each = async function* (lines: string[]) {
    yield* lines;
  };
  try {
    await source.ensureTopic({ name: "atoll.config", cleanup: "keep" });
    await source.ensureTopic({ name: "atoll.tokens", cleanup: "compact" });
    const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
    await source.append(
      "atoll.config",
      Array.from({ length: 1_500 }, (_, index) => ({ value: Buffer.from(`{"id":"${index}"}`), headers })),
    );
    await source.append("atoll.tokens", [{ key: "a", value: Buffer.from("{}") }]);
    const parts = await Array.fromAsync(archiveLines(source, ["atoll.config", "atoll.tokens"], new Date(0)));
    const lines = parts.join("").trimEnd().split("\n");
    await restoreArchive(each(lines), target, { asCopy: false });
    const stop = new AbortController();
    const offsets: number[] = [];
    for await (const batch of target.read("atoll.config", 0, stop.signal)) {
      if (batch.length === 0) break;
      for (const record of batch) {
        expect([Buffer.from(record.value!).toString(), record.headers]).toEqual([`{"id":"${record.offset}"}`, headers]);
        offsets.push(record.offset);
      }
    }
    stop.abort();
    expect(offsets).toEqual(Array.from({ length: 1_500 }, (_, index) => index));
    expect(await target.head("atoll.tokens")).toBe(1);
    await expect(restoreArchive(each(lines), target, { asCopy: false })).rejects.toThrow("has records already");
  } finally {
    await source.close();
    await target.close();
  }
});

test("two processes that write at once read the same, whether a record is their own or not", async () => {
  const prefix = kafka.topicPrefix();
  const logs = [1, 2].map(() => new KafkaLog({ brokers: kafka.brokers.split(","), topicPrefix: prefix }));
  const records = 300;
  const stop = new AbortController();
  try {
    await logs[0]!.ensureTopic({ name: "both", cleanup: "keep" });
    const started = logs.map(() => Promise.withResolvers<void>());
    const reading = logs.map(async (log, index) => {
      const lines: string[] = [];
      for await (const batch of log.read("both", 0, stop.signal)) {
        if (batch.length === 0) started[index]!.resolve();
        for (const { offset, timestamp, key, value, headers } of batch)
          lines.push(`${offset} ${timestamp} ${key} ${Buffer.from(value!).toString()} ${JSON.stringify(headers)}`);
        if (lines.length >= 2 * records) break;
      }
      return lines;
    });
    await Promise.all(started.map(({ promise }) => promise));
    await Promise.all(
      logs.map(async (log, writer) => {
        for (let number = 0; number < records; number++) {
          const append = log.append("both", [{ value: Buffer.from(`${writer}/${number}`), headers: { writer: String(writer) } }]);
          if (number % 7 === 0) await append;
        }
      }),
    );
    const [one, other] = await Promise.all(reading);
    expect(one).toEqual(other);
    expect(one!.map((line) => Number(line.split(" ")[0]))).toEqual(Array.from({ length: 2 * records }, (_, offset) => offset));
    expect(new Set(one!.map((line) => line.split(" ")[3])).size).toBe(2 * records);
  } finally {
    stop.abort();
    await Promise.all(logs.map((log) => log.close()));
  }
});
