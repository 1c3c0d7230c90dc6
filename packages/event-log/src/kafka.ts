// Apart from the rest: who runs without Kafka does not load its client.
export { createKafkaAcls, globalAcls, renderAclCommands, zoneAcls } from "./kafka-acls.ts";
export type { KafkaAcl, KafkaOperation, ZonePrincipal } from "./kafka-acls.ts";
export type { KafkaConnectionOptions, KafkaSasl, KafkaTls } from "./kafka-connection.ts";
export { KafkaLog } from "./kafka-log.ts";
export type { KafkaLogOptions } from "./kafka-log.ts";
