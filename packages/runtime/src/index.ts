export { startDebugServer, type DebugServerOptions } from "./debug-server.ts";
export { Lifecycle, runUntilSignal, type Closeable } from "./lifecycle.ts";
export { createLogger, type Logger } from "./logger.ts";
export { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "./metrics.ts";
export { tokenSource } from "./credentials.ts";
export { expandPath, instanceName } from "./paths.ts";
export { loadSettings, SettingsError, variableName, type SettingsSource } from "./settings.ts";
export { Timeline, type TimelineEntry } from "./timeline.ts";
export { version } from "./version.ts";
