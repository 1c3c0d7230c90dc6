import type { Kind } from "../kind.ts";
import type { Codec } from "../schema/codec.ts";
import { circuitBreakerSpec } from "../specs/circuit-breaker.ts";
import { faultInjectionSpec } from "../specs/fault-injection.ts";
import { healthCheckSpec } from "../specs/health-check.ts";
import { proxyTemplateSpec } from "../specs/proxy-template.ts";
import { rateLimitSpec } from "../specs/rate-limit.ts";
import { retrySpec } from "../specs/retry.ts";
import { timeoutSpec } from "../specs/timeout.ts";
import { trafficLogSpec } from "../specs/traffic-log.ts";
import { trafficPermissionSpec } from "../specs/traffic-permission.ts";
import { trafficRouteSpec } from "../specs/traffic-route.ts";
import { trafficTraceSpec } from "../specs/traffic-trace.ts";
import { virtualOutboundSpec } from "../specs/virtual-outbound.ts";
import { validateCircuitBreaker } from "../validators/circuit-breaker.ts";
import { validateFaultInjection } from "../validators/fault-injection.ts";
import { validateHealthCheck } from "../validators/health-check.ts";
import { validateProxyTemplate } from "../validators/proxy-template.ts";
import { validateRateLimit } from "../validators/rate-limit.ts";
import { validateRetry } from "../validators/retry.ts";
import { validateTimeout } from "../validators/timeout.ts";
import { validateTrafficLog, validateTrafficPermission, validateTrafficTrace } from "../validators/traffic-policies.ts";
import { validateTrafficRoute } from "../validators/traffic-route.ts";
import { validateVirtualOutbound } from "../validators/virtual-outbound.ts";
import { defineKind, type Validator } from "./define-kind.ts";

const policy = <Spec>(type: string, path: string, schema: Codec<Spec>, validate: Validator<Spec>, args?: readonly [string, string]): Kind =>
  defineKind({ type, scope: "mesh", path, args, flows: ["globalToZone"], writable: ["global"], policy: true, schema, validate });

/** Policies between services: written on global, sent to every zone. */
export const policyKinds: readonly Kind[] = [
  policy("CircuitBreaker", "circuit-breakers", circuitBreakerSpec, validateCircuitBreaker),
  policy("FaultInjection", "fault-injections", faultInjectionSpec, validateFaultInjection),
  policy("HealthCheck", "health-checks", healthCheckSpec, validateHealthCheck, ["healthcheck", "healthchecks"]),
  policy("ProxyTemplate", "proxytemplates", proxyTemplateSpec, validateProxyTemplate),
  policy("RateLimit", "rate-limits", rateLimitSpec, validateRateLimit),
  policy("Retry", "retries", retrySpec, validateRetry),
  policy("Timeout", "timeouts", timeoutSpec, validateTimeout),
  policy("TrafficLog", "traffic-logs", trafficLogSpec, validateTrafficLog),
  policy("TrafficPermission", "traffic-permissions", trafficPermissionSpec, validateTrafficPermission),
  policy("TrafficRoute", "traffic-routes", trafficRouteSpec, validateTrafficRoute),
  policy("TrafficTrace", "traffic-traces", trafficTraceSpec, validateTrafficTrace),
  policy("VirtualOutbound", "virtual-outbounds", virtualOutboundSpec, validateVirtualOutbound),
];
