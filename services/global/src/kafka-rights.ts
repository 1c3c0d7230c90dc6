import { kafkaConnection, SettingsError } from "@atoll/runtime";
import type { GlobalSettings } from "./settings.ts";

export interface KafkaRightsRequest {
  /** Absent: the rights of global and its token issuer. */
  zone?: string;
  /** As Kafka names it: `User:zone-east`. */
  principal: string;
  /** Give the rights; otherwise they are only told. */
  create: boolean;
}

/**
 * The rights that a zone (or global) needs in Kafka and no more, as commands of Kafka's own tool. With `create` they are given, too, by the
 * principal of the settings, which must be allowed to. @throws SettingsError without brokers, LogError.
 */
export async function kafkaRights(settings: GlobalSettings, { zone, principal, create }: KafkaRightsRequest): Promise<string> {
  const kafka = kafkaConnection(settings.log.kafka);
  if (!kafka) throw new SettingsError("log.kafka.brokers (ATOLL_LOG_KAFKA_BROKERS) is required");
  const { createKafkaAcls, globalAcls, renderAclCommands, zoneAcls } = await import("@atoll/event-log/kafka");
  const { topicPrefix } = kafka;
  const acls = zone === undefined ? globalAcls({ principal, topicPrefix }) : zoneAcls({ zone, principal, topicPrefix });
  if (create) await createKafkaAcls(kafka, acls);
  return renderAclCommands(acls, kafka.brokers[0]!);
}
