import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { kafkaConnection, kafkaSettings, redisConnection, redisSettings } from "./backend-settings.ts";
import { loadSettings, SettingsError } from "./settings.ts";

const schema = z.object({
  log: z.object({ kafka: kafkaSettings }).prefault({} as never),
  inventory: z.object({ redis: redisSettings }).prefault({} as never),
});

test("without brokers there is no Kafka, without a URL no Redis", () => {
  const settings = loadSettings(schema, { env: {} });
  expect(kafkaConnection(settings.log.kafka)).toBeUndefined();
  expect(redisConnection(settings.inventory.redis)).toBeUndefined();
});

test("brokers, security and secrets from files", () => {
  const folder = mkdtempSync(join(tmpdir(), "atoll-backend-"));
  writeFileSync(join(folder, "ca.pem"), "CA");
  writeFileSync(join(folder, "password"), "s3cret\n");
  const env = {
    ATOLL_LOG_KAFKA_BROKERS: "a:9092,b:9093",
    ATOLL_LOG_KAFKA_TLS_ENABLED: "true",
    ATOLL_LOG_KAFKA_TLS_CA_FILE: join(folder, "ca.pem"),
    ATOLL_LOG_KAFKA_SASL_MECHANISM: "scram-sha-512",
    ATOLL_LOG_KAFKA_SASL_USERNAME: "zone-east",
    ATOLL_LOG_KAFKA_SASL_PASSWORD_FILE: join(folder, "password"),
    ATOLL_INVENTORY_REDIS_URL: "rediss://redis:6379",
    ATOLL_INVENTORY_REDIS_PASSWORD_FILE: join(folder, "password"),
    ATOLL_INVENTORY_REDIS_TLS_CA_FILE: join(folder, "ca.pem"),
  };
  const settings = loadSettings(schema, { env });
  expect(kafkaConnection(settings.log.kafka)).toMatchObject({
    brokers: ["a:9092", "b:9093"],
    tls: { ca: "CA", skipVerify: false },
    sasl: { mechanism: "scram-sha-512", username: "zone-east", password: "s3cret" },
  });
  expect(redisConnection(settings.inventory.redis)).toMatchObject({ url: "rediss://redis:6379", password: "s3cret", tlsCa: "CA" });
  rmSync(folder, { recursive: true });
  expect(() => kafkaConnection(settings.log.kafka)).toThrow(SettingsError);
  expect(() => kafkaConnection(settings.log.kafka)).toThrow("log.kafka.tls.caFile: cannot read");
});

test("a wrong address is named with its variable", () => {
  expect(() => loadSettings(schema, { env: { ATOLL_LOG_KAFKA_BROKERS: "kafka" } })).toThrow(/log\.kafka\.brokers\.0 .*has to be host:port/);
});
