import type { MirrorLog } from "@atoll/event-log";
import { kafkaConnection, type Logger } from "@atoll/runtime";
import { ConnectionSignal } from "@atoll/sync";
import type { ZoneSettings } from "./settings.ts";

export interface KafkaUpstream {
  log: MirrorLog;
  /** Whether Kafka is heard: what is known of other zones does not hang on global. */
  connection: ConnectionSignal;
}

/** Kafka instead of global's relay, for a zone that can reach it. */
export async function openKafkaUpstream(settings: ZoneSettings["log"], log: Logger): Promise<KafkaUpstream | undefined> {
  const kafka = kafkaConnection(settings.kafka);
  if (!kafka) return undefined;
  const { KafkaLog } = await import("@atoll/event-log/kafka");
  const connection = new ConnectionSignal();
  const upstream = new KafkaLog({
    ...kafka,
    onReadConnected: () => connection.set(true),
    onReadInterrupted: (topic, error, delayMs) => {
      connection.set(false);
      log.warn({ topic, reason: error.message, delayMs }, "Kafka is not heard at present; serving what the zone has");
    },
  });
  return { log: upstream, connection };
}
