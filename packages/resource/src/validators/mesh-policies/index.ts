import type { Violations } from "../violation.ts";
import { validateMeshAccessLog } from "./mesh-access-log.ts";
import { validateMeshCircuitBreaker } from "./mesh-circuit-breaker.ts";
import { validateMeshFaultInjection } from "./mesh-fault-injection.ts";
import { validateMeshHealthCheck } from "./mesh-health-check.ts";
import { validateMeshHttpRoute } from "./mesh-http-route.ts";
import { validateMeshLoadBalancingStrategy } from "./mesh-load-balancing-strategy.ts";
import { validateMeshMetric } from "./mesh-metric.ts";
import { validateMeshPassthrough } from "./mesh-passthrough.ts";
import { validateMeshProxyPatch } from "./mesh-proxy-patch.ts";
import { validateMeshRateLimit } from "./mesh-rate-limit.ts";
import { validateMeshRetry } from "./mesh-retry.ts";
import { validateMeshTcpRoute } from "./mesh-tcp-route.ts";
import { validateMeshTimeout } from "./mesh-timeout.ts";
import { validateMeshTls } from "./mesh-tls.ts";
import { validateMeshTrace } from "./mesh-trace.ts";
import { validateMeshTrafficPermission } from "./mesh-traffic-permission.ts";

/** By kind, for specs that have the shape of the kind, of a policy of that role. */
export const meshPolicyValidators: Readonly<Record<string, (spec: never, role?: string) => Violations>> = {
  MeshTrafficPermission: validateMeshTrafficPermission,
  MeshTimeout: validateMeshTimeout,
  MeshRetry: validateMeshRetry,
  MeshCircuitBreaker: validateMeshCircuitBreaker,
  MeshAccessLog: validateMeshAccessLog,
  MeshHTTPRoute: validateMeshHttpRoute,
  MeshFaultInjection: validateMeshFaultInjection,
  MeshHealthCheck: validateMeshHealthCheck,
  MeshLoadBalancingStrategy: validateMeshLoadBalancingStrategy,
  MeshMetric: validateMeshMetric,
  MeshPassthrough: validateMeshPassthrough,
  MeshProxyPatch: validateMeshProxyPatch,
  MeshRateLimit: validateMeshRateLimit,
  MeshTCPRoute: validateMeshTcpRoute,
  MeshTLS: validateMeshTls,
  MeshTrace: validateMeshTrace,
};
