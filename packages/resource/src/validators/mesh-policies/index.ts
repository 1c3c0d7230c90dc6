import type { Violations } from "../violation.ts";
import { validateMeshAccessLog } from "./mesh-access-log.ts";
import { validateMeshCircuitBreaker } from "./mesh-circuit-breaker.ts";
import { validateMeshHttpRoute } from "./mesh-http-route.ts";
import { validateMeshRetry } from "./mesh-retry.ts";
import { validateMeshTimeout } from "./mesh-timeout.ts";
import { validateMeshTrafficPermission } from "./mesh-traffic-permission.ts";

/** By kind, for specs that have the shape of the kind. */
export const meshPolicyValidators: Readonly<Record<string, (spec: never) => Violations>> = {
  MeshTrafficPermission: validateMeshTrafficPermission,
  MeshTimeout: validateMeshTimeout,
  MeshRetry: validateMeshRetry,
  MeshCircuitBreaker: validateMeshCircuitBreaker,
  MeshAccessLog: validateMeshAccessLog,
  MeshHTTPRoute: validateMeshHttpRoute,
};
