import { join } from "node:path";
import { EmbeddedLog, type MirrorLog } from "@atoll/event-log";
import { kafkaConnection, type Logger } from "@atoll/runtime";
import type { GlobalSettings } from "./settings.ts";

/** The log of the cluster: in Kafka, where any number of global replicas share it, or in a file of this one. */
export async function openLog(settings: GlobalSettings["log"], workDir: string, log: Logger): Promise<MirrorLog> {
  const kafka = kafkaConnection(settings.kafka);
  if (!kafka) return EmbeddedLog.open({ path: join(workDir, "log.sqlite") });
  const { KafkaLog } = await import("@atoll/event-log/kafka");
  return new KafkaLog({
    ...kafka,
    onReadInterrupted: (topic, error, delayMs) => log.warn({ topic, reason: error.message, delayMs }, "the log is not heard at present"),
  });
}
