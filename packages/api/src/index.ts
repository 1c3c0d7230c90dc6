export { appliedRevisionOf, tokenHoldersOf } from "./applied-revisions.ts";
export { withheldOf } from "./quarantine-routes.ts";
export { type AccessRule, type AccessRules, type User, admin, anonymous, defaultAccess, kubernetesService } from "./access.ts";
export { maskedSettings } from "./masked-settings.ts";
export { type TlsOptions, apiRoutes, createApi, mostBodyBytes } from "./create-api.ts";
export { type MonitoringOptions, createMonitoringApi } from "./monitoring-server.ts";
export { keyRingPorts } from "./key-ring-ports.ts";
export { defaultPolicies } from "./default-policies.ts";
export type {
  AppliedRevision,
  ApiOptions,
  ApiSettings,
  Certificates,
  ConfigStore,
  InventoryReader,
  Proxies,
  ProxyAdminQuery,
  ProxyKey,
  RefusedRequest,
  RevisionRecord,
  TokenIssuer,
  NativeTarget,
  ZoneReaders,
  ZoneStore,
} from "./ports.ts";
export type { Route } from "./call.ts";
export { guiSetting } from "./gui/gui-files.ts";
export { ApiError, type Problem, problemBody } from "./problem.ts";
export { isServiceType, remoteServiceOf, serviceRecordOf, withStatus } from "./service-status.ts";
export { isShownInZones } from "./catalog.ts";
export { inUseViolations } from "./secret-rules.ts";
