import { topics, withDirectRead, type EventLog, type MirrorLog } from "@atoll/event-log";
import { kafkaConnection, type Lifecycle, type Logger } from "@atoll/runtime";
import type { XdsSettings } from "./settings.ts";

/** The zone's log; where Kafka is near, with the configuration read from there, too: a change need not come through the sync service. */
export async function openConfigurationLog(
  settings: XdsSettings["log"],
  zoneLog: MirrorLog,
  lifecycle: Lifecycle,
  log: Logger,
): Promise<EventLog> {
  const kafka = kafkaConnection(settings.kafka);
  if (!kafka) return zoneLog;
  const { KafkaLog } = await import("@atoll/event-log/kafka");
  const direct = new KafkaLog({
    ...kafka,
    onReadInterrupted: (topic, error, delayMs) =>
      log.warn({ topic, reason: error.message, delayMs }, "Kafka is not heard at present; the zone's sync service is"),
  });
  lifecycle.add("Kafka", direct);
  return withDirectRead({
    log: zoneLog,
    direct,
    topic: topics.config,
    onForeign: (error) => log.error({ err: error }, "Kafka is not read: its configuration is not the zone's"),
  });
}
