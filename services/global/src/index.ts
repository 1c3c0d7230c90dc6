export { startGlobal } from "./global-service.ts";
export { globalSettings, type GlobalSettings } from "./settings.ts";
