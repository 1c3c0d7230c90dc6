export { zoneSettings, type ZoneSettings } from "./settings.ts";
export { startZone } from "./zone-service.ts";
