import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";
import { monotonicMs } from "./clock.ts";

/** Milliseconds of each of `count` appends of `bytes` that are on disk when they return, as the embedded log does them. */
export function durableAppends(folder: string, count: number, bytes: number): number[] {
  const database = new DatabaseSync(join(folder, "floor.sqlite"));
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE records (id INTEGER PRIMARY KEY, value BLOB)");
    const append = database.prepare("INSERT INTO records (value) VALUES (?)");
    const value = new Uint8Array(bytes);
    return Array.from({ length: count }, () => {
      const began = monotonicMs();
      append.run(value);
      return monotonicMs() - began;
    });
  } finally {
    database.close();
  }
}

/** What an Envoy itself says it took to apply updates of its routes, in whole milliseconds: `[p50, p99]`, or null if it does not say. */
export async function envoyApplyTime(adminPort: number): Promise<{ p50: number; p99: number } | null> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats?usedonly&filter=rds.*update_duration`)).text();
  const at = (percentile: string) => Number(new RegExp(`update_duration: .*?P${percentile}\\([^,]+,([^)]+)\\)`).exec(text)?.[1] ?? NaN);
  const [p50, p99] = [at("50"), at("99")];
  return Number.isNaN(p50) || Number.isNaN(p99) ? null : { p50, p99 };
}

const warmUp = 20;
/** The consumer has asked again by then: back to back, kafkajs takes six milliseconds. */
const betweenMs = 10;

/**
 * Milliseconds of each of `count` records of `bytes`, one at a time, from the call that produces it until a consumer of this process has
 * it: kafkajs alone, acknowledged by all replicas, with the settings that make it fastest.
 */
export async function bareKafka(brokers: string, count: number, bytes: number): Promise<number[]> {
  const topic = `floor-${process.pid}-${Date.now()}`;
  const kafka = new Kafka({ brokers: brokers.split(","), clientId: "floor", logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer({ idempotent: true, allowAutoTopicCreation: false });
  const consumer = kafka.consumer({ groupId: topic, minBytes: 1, maxWaitTimeInMs: 100 });
  let arrived = (): void => {};
  try {
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }], waitForLeaders: true });
    await Promise.all([producer.connect(), consumer.connect()]);
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async () => arrived() });
    const value = Buffer.alloc(bytes, 1);
    const times: number[] = [];
    for (let index = 0; index < count + warmUp; index++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      arrived = resolve;
      const began = monotonicMs();
      const sent = producer.send({ topic, acks: -1, messages: [{ value }] });
      await promise;
      if (index >= warmUp) times.push(monotonicMs() - began);
      await sent;
      await pause(betweenMs);
    }
    return times;
  } finally {
    await consumer.disconnect();
    await producer.disconnect();
    await admin.deleteTopics({ topics: [topic] }).catch(() => undefined);
    await admin.disconnect();
  }
}
