import { selfSignedPair, startKafkaBroker } from "@atoll/testkit";
import type { KafkaBroker } from "@atoll/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKafkaAcls, globalAcls, renderAclCommands, zoneAcls } from "./kafka-acls.ts";
import { KafkaLog } from "./kafka-log.ts";
import type { KafkaLogOptions } from "./kafka-log.ts";

const pair = selfSignedPair(["localhost"]);
const users = { global: "g-secret", west: "w-secret" };
let broker: KafkaBroker;
const logs: KafkaLog[] = [];
beforeAll(async () => {
  broker = await startKafkaBroker({ secured: { tls: pair, users } });
  await createKafkaAcls({ brokers: [broker.brokers] }, [
    ...globalAcls({ principal: "User:global" }),
    ...zoneAcls({ zone: "west", principal: "User:west" }),
  ]);
}, 120_000);
afterAll(async () => {
  for (const log of logs) await log.close();
  await broker?.close();
});

function as(username: keyof typeof users, more: Partial<KafkaLogOptions> = {}): KafkaLog {
  const log = new KafkaLog({
    brokers: [broker.securedBrokers!],
    tls: { ca: pair.certificatePem },
    sasl: { mechanism: "plain", username, password: users[username] },
    appendTimeoutMs: 5_000,
    ...more,
  });
  logs.push(log);
  return log;
}

const value = Buffer.from("v");

async function count(log: KafkaLog, topic: string): Promise<number> {
  const stop = new AbortController();
  let records = 0;
  for await (const batch of log.read(topic, 0, stop.signal)) {
    if (batch.length === 0) stop.abort();
    records += batch.length;
  }
  return records;
}

test("over TLS and SASL a zone writes its own topics only, and reads what all may read", async () => {
  const global = as("global");
  await global.ensureTopic({ name: "atoll.config", cleanup: "keep" });
  for (const topic of ["atoll.zone.east", "atoll.inventory.east"]) {
    await global.ensureTopic({ name: topic, cleanup: "compact" });
    await global.append(topic, [{ key: "k", value }]);
  }
  await global.append("atoll.config", [{ value }]);

  const west = as("west");
  for (const topic of ["atoll.zone.west", "atoll.inventory.west"]) {
    await west.ensureTopic({ name: topic, cleanup: "compact" });
    expect(await west.append(topic, [{ key: "k", value }])).toEqual([0]);
  }
  expect(await count(west, "atoll.config")).toBe(1);
  expect(await count(west, "atoll.inventory.east")).toBe(1);
  await expect(west.append("atoll.config", [{ value }])).rejects.toMatchObject({ code: "forbidden" });
  await expect(west.append("atoll.inventory.east", [{ key: "k", value }])).rejects.toMatchObject({ code: "forbidden" });
  await expect(west.append("atoll.zone.east", [{ key: "k", value }])).rejects.toMatchObject({ code: "forbidden" });
  await expect(count(west, "atoll.zone.east")).rejects.toMatchObject({ code: "forbidden" });
  await expect(west.ensureTopic({ name: "atoll.zone.north", cleanup: "compact" })).rejects.toMatchObject({ code: "forbidden" });
  expect(await global.head("atoll.zone.east")).toBe(1);
});

test.each(["scram-sha-256", "scram-sha-512"] as const)(
  "by %s it is the same principal, and a wrong password is refused",
  async (mechanism) => {
    await as("global").ensureTopic({ name: "atoll.inventory.west", cleanup: "compact" });
    const west = as("west", { sasl: { mechanism, username: "west", password: users.west } });
    expect(await west.append("atoll.inventory.west", [{ key: mechanism, value }])).toEqual([expect.any(Number)]);
    await expect(west.append("atoll.zone.east", [{ key: "k", value }])).rejects.toMatchObject({ code: "forbidden" });
    const wrong = as("west", { sasl: { mechanism, username: "west", password: "guessed-secret" } });
    await expect(wrong.head("atoll.inventory.west")).rejects.toMatchObject({ code: "forbidden" });
  },
);

test("a wrong password and an unknown certificate are refused with the reason, and the password is in no message", async () => {
  const wrong = as("west", { sasl: { mechanism: "plain", username: "west", password: "guessed-secret" } });
  const refused: Error = await wrong.append("atoll.zone.west", [{ key: "k", value }]).then(
    () => expect.fail("stored"),
    (error: Error) => error,
  );
  expect(refused).toMatchObject({ code: "forbidden", message: expect.stringMatching(/authentication/i) });
  expect(`${refused.message} ${refused.stack} ${JSON.stringify(refused)}`).not.toContain("guessed-secret");
  await expect(as("west", { tls: { ca: selfSignedPair(["localhost"]).certificatePem } }).head("atoll.config")).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/certificate/i),
  });
});

test("the same rights as commands", () => {
  expect(
    renderAclCommands(zoneAcls({ zone: "west", principal: "User:zone-west", topicPrefix: "a." }), "kafka:9092")
      .trim()
      .split("\n"),
  ).toEqual([
    "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal 'User:zone-west' --operation Read --operation Describe --operation DescribeConfigs --topic 'a.atoll.config' --resource-pattern-type literal",
    "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal 'User:zone-west' --operation Read --operation Describe --operation DescribeConfigs --topic 'a.atoll.config.snapshots' --resource-pattern-type literal",
    "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal 'User:zone-west' --operation Read --operation Describe --operation DescribeConfigs --topic 'a.atoll.inventory.' --resource-pattern-type prefixed",
    "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal 'User:zone-west' --operation Read --operation Describe --operation DescribeConfigs --operation Write --operation Create --topic 'a.atoll.zone.west' --resource-pattern-type literal",
    "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal 'User:zone-west' --operation Read --operation Describe --operation DescribeConfigs --operation Write --operation Create --topic 'a.atoll.inventory.west' --resource-pattern-type literal",
    "kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal 'User:zone-west' --operation Read --operation Describe --operation DescribeConfigs --operation Write --operation Create --topic 'a.atoll.lease.west' --resource-pattern-type literal",
  ]);
});
