export { ChangeTrace } from "./change-trace.ts";
export { Diagnostics, type DiagnosticsSettings } from "./diagnostics.ts";
export { startDebugServer, type DebugServerOptions } from "./debug-server.ts";
export { listenHost } from "./listen-host.ts";
export { Lifecycle, runUntilSignal, type Closeable } from "./lifecycle.ts";
export { createLogger, type Logger } from "./logger.ts";
export { gaugesOf } from "./gauges.ts";
export { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "./metrics.ts";
export { diagnosticsSettings } from "./diagnostics-settings.ts";
export { readerGate, readerSettings, type ReaderGate } from "./reader-gate.ts";
export { tokenSource, watchTokenFile } from "./credentials.ts";
export { expandPath, instanceName } from "./paths.ts";
export { kumaSettingAt, kumaSettingOf, kumaSettings, variableName, type KumaSetting } from "./kuma-settings.ts";
export { settingsNotices, type SettingsNotices } from "./settings-notices.ts";
export { loadSettings, settingPaths, SettingsError, type SettingsSource } from "./settings.ts";
export { RequestWatch } from "./request-watch.ts";
export { tracingSettings, type TelemetrySource } from "./tracing.ts";
export { Timeline, type TimelineEntry } from "./timeline.ts";
export { version } from "./version.ts";
export { accessSettings, apiServerSettings, clientCertificates, nodeTlsVersion, openedBy, tlsVersion } from "./api-settings.ts";
export {
  dataplaneTokenVerification,
  issuerAddress,
  proxyTokenSettings,
  tokenValidatorSettings,
  userTokenVerification,
  zoneTokenVerification,
} from "./token-settings.ts";
export { kafkaConnection, kafkaSettings, redisConnection, redisSettings } from "./backend-settings.ts";
