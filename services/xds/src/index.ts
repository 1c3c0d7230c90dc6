export { xdsSettings, type XdsSettings } from "./settings.ts";
export { startXds } from "./xds-service.ts";
