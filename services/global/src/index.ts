export { exportLog, importLog } from "./archive-log.ts";
export { startGlobal } from "./global-service.ts";
export { globalSettings, type GlobalSettings } from "./settings.ts";
export { kafkaRights, type KafkaRightsRequest } from "./kafka-rights.ts";
