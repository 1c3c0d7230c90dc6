export { xdsSettings, type XdsSettings } from "./settings.ts";
export { startXds } from "./xds-service.ts";
export { openReplay, type Replay, type ReplayRequest } from "./replay/replay-log.ts";
export { replayLines, replayVerdicts, type ReplayVerdict } from "./replay/replay-lines.ts";
