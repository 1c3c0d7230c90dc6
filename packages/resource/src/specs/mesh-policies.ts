import { z } from "zod";
import {
  backendRef,
  count,
  duration,
  headerMatch,
  headerModifier,
  headerName,
  inboundPolicy,
  integer,
  integerOrText,
  outboundPolicy,
  policy,
  shape,
} from "./mesh-policies/common.ts";
import { meshFaultInjectionSchema } from "./mesh-policies/mesh-fault-injection.ts";
import { meshHealthCheckSchema } from "./mesh-policies/mesh-health-check.ts";
import { meshLoadBalancingStrategySchema } from "./mesh-policies/mesh-load-balancing-strategy.ts";
import { meshMetricSchema } from "./mesh-policies/mesh-metric.ts";
import { meshPassthroughSchema } from "./mesh-policies/mesh-passthrough.ts";
import { meshProxyPatchSchema } from "./mesh-policies/mesh-proxy-patch.ts";
import { meshRateLimitSchema } from "./mesh-policies/mesh-rate-limit.ts";
import { meshTcpRouteSchema } from "./mesh-policies/mesh-tcp-route.ts";
import { meshTlsSchema } from "./mesh-policies/mesh-tls.ts";
import { meshTraceSchema } from "./mesh-policies/mesh-trace.ts";
import { targetRefSchema } from "./plugin-policy.ts";

const timeouts = shape({
  connectionTimeout: duration.optional(),
  idleTimeout: duration.optional(),
  http: shape({
    requestTimeout: duration.optional(),
    streamIdleTimeout: duration.optional(),
    maxStreamDuration: duration.optional(),
    maxConnectionDuration: duration.optional(),
    requestHeadersTimeout: duration.optional(),
  }).optional(),
});

const backOff = shape({ baseInterval: duration.optional(), maxInterval: duration.optional() });
const rateLimitedBackOff = shape({
  maxInterval: duration.optional(),
  resetHeaders: z.array(shape({ format: z.enum(["Seconds", "UnixTimestamp"]), name: headerName })).optional(),
});
const retries = shape({
  tcp: shape({ maxConnectAttempt: count.optional() }).optional(),
  http: shape({
    numRetries: count.optional(),
    perTryTimeout: duration.optional(),
    backOff: backOff.optional(),
    rateLimitedBackOff: rateLimitedBackOff.optional(),
    retryOn: z.array(z.string()).optional(),
    retriableRequestHeaders: z.array(headerMatch).optional(),
    retriableResponseHeaders: z.array(headerMatch).optional(),
    hostSelection: z
      .array(
        shape({
          predicate: z.enum(["OmitPreviousHosts", "OmitHostsWithTags", "OmitPreviousPriorities"]),
          tags: z.record(z.string(), z.string()).optional(),
          updateFrequency: integer.default(2),
        }),
      )
      .optional(),
    hostSelectionMaxAttempts: z.int().optional(),
  }).optional(),
  grpc: shape({
    numRetries: count.optional(),
    perTryTimeout: duration.optional(),
    backOff: backOff.optional(),
    rateLimitedBackOff: rateLimitedBackOff.optional(),
    retryOn: z.array(z.enum(["Canceled", "DeadlineExceeded", "Internal", "ResourceExhausted", "Unavailable"])).optional(),
  }).optional(),
});

const consecutive = shape({ consecutive: count.optional() });
const breakers = shape({
  connectionLimits: shape({
    maxConnections: count.optional(),
    maxConnectionPools: count.optional(),
    maxPendingRequests: count.optional(),
    maxRetries: count.optional(),
    maxRequests: count.optional(),
  }).optional(),
  outlierDetection: shape({
    disabled: z.boolean().optional(),
    interval: duration.optional(),
    baseEjectionTime: duration.optional(),
    maxEjectionPercent: count.optional(),
    splitExternalAndLocalErrors: z.boolean().optional(),
    healthyPanicThreshold: integerOrText.optional(),
    detectors: shape({
      totalFailures: consecutive.optional(),
      gatewayFailures: consecutive.optional(),
      localOriginFailures: consecutive.optional(),
      successRate: shape({
        minimumHosts: count.optional(),
        requestVolume: count.optional(),
        standardDeviationFactor: integerOrText.optional(),
      }).optional(),
      failurePercentage: shape({
        minimumHosts: count.optional(),
        requestVolume: count.optional(),
        threshold: count.optional(),
      }).optional(),
    }).optional(),
  }).optional(),
});

const keyAndValue = shape({ key: z.string(), value: z.string() });
const logFormat = shape({
  type: z.enum(["Plain", "Json"]),
  plain: z.string().optional(),
  json: z.array(keyAndValue).optional(),
  omitEmptyValues: z.boolean().default(false),
});
const logs = shape({
  backends: z
    .array(
      shape({
        type: z.enum(["Tcp", "File", "OpenTelemetry"]),
        file: shape({ path: z.string().min(1), format: logFormat.optional() }).optional(),
        tcp: shape({ address: z.string().min(1), format: logFormat.optional() }).optional(),
        openTelemetry: shape({
          endpoint: z.string().min(1),
          attributes: z.array(keyAndValue).optional(),
          body: z.unknown().optional(),
        }).optional(),
      }),
    )
    .optional(),
});

const permission = shape({ action: z.enum(["Allow", "Deny", "AllowWithShadowDeny"]).optional() });

const pathRewrite = shape({
  type: z.enum(["ReplaceFullPath", "ReplacePrefixMatch"]),
  replaceFullPath: z.string().optional(),
  replacePrefixMatch: z.string().optional(),
});
const hostname = z
  .string()
  .min(1, { abort: true })
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);

const routes = shape({
  targetRef: targetRefSchema.optional(),
  to: z
    .array(
      shape({
        targetRef: targetRefSchema,
        hostnames: z.array(z.string()).optional(),
        rules: z.array(
          shape({
            matches: z.array(
              shape({
                path: shape({ type: z.enum(["Exact", "PathPrefix", "RegularExpression"]), value: z.string().min(1) }).optional(),
                method: z.enum(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]).optional(),
                queryParams: z
                  .array(shape({ name: z.string().min(1), type: z.enum(["Exact", "RegularExpression"]), value: z.string() }))
                  .optional(),
                headers: z.array(headerMatch).optional(),
              }),
            ),
            default: shape({
              backendRefs: z.array(backendRef).optional(),
              filters: z
                .array(
                  shape({
                    type: z.enum(["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "RequestMirror"]),
                    requestHeaderModifier: headerModifier.optional(),
                    responseHeaderModifier: headerModifier.optional(),
                    requestRedirect: shape({
                      scheme: z.enum(["http", "https"]).optional(),
                      hostname: hostname.optional(),
                      port: integer.min(1).max(65_535).optional(),
                      path: pathRewrite.optional(),
                      statusCode: integer.default(302),
                    }).optional(),
                    urlRewrite: shape({
                      hostname: hostname.optional(),
                      path: pathRewrite.optional(),
                      hostToBackendHostname: z.boolean().optional(),
                    }).optional(),
                    requestMirror: shape({ backendRef, percentage: integerOrText.optional() }).optional(),
                  }),
                )
                .optional(),
            }),
          }),
        ),
      }),
    )
    .optional(),
});

/** Shapes of the policies with a target reference; what they do not name is kept as written. */
export const meshPolicySchemas = {
  MeshTrafficPermission: inboundPolicy(permission.optional()),
  MeshTimeout: policy(timeouts.optional()),
  MeshRetry: outboundPolicy(retries.optional()),
  MeshCircuitBreaker: policy(breakers.optional()),
  MeshAccessLog: policy(logs),
  MeshHTTPRoute: routes,
  MeshFaultInjection: meshFaultInjectionSchema,
  MeshHealthCheck: meshHealthCheckSchema,
  MeshLoadBalancingStrategy: meshLoadBalancingStrategySchema,
  MeshMetric: meshMetricSchema,
  MeshPassthrough: meshPassthroughSchema,
  MeshProxyPatch: meshProxyPatchSchema,
  MeshRateLimit: meshRateLimitSchema,
  MeshTCPRoute: meshTcpRouteSchema,
  MeshTLS: meshTlsSchema,
  MeshTrace: meshTraceSchema,
} as const;

export type MeshTrafficPermissionSpec = z.infer<(typeof meshPolicySchemas)["MeshTrafficPermission"]>;
export type MeshTimeoutSpec = z.infer<(typeof meshPolicySchemas)["MeshTimeout"]>;
export type MeshRetrySpec = z.infer<(typeof meshPolicySchemas)["MeshRetry"]>;
export type MeshCircuitBreakerSpec = z.infer<(typeof meshPolicySchemas)["MeshCircuitBreaker"]>;
export type MeshAccessLogSpec = z.infer<(typeof meshPolicySchemas)["MeshAccessLog"]>;
export type MeshHttpRouteSpec = z.infer<(typeof meshPolicySchemas)["MeshHTTPRoute"]>;
