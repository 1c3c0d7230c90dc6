export { settingsOf, type ServiceName } from "./service-settings.ts";
