import { startKafka } from "@atoll/testkit";
import { afterAll, beforeAll } from "vitest";
import type { SharedKafka } from "@atoll/testkit";
import { eventLogContract } from "./contract-suite.ts";
import { KafkaLog } from "./kafka-log.ts";
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
