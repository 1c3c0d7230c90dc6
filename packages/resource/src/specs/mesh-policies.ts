import { z } from "zod";
import { targetRefSchema } from "./plugin-policy.ts";

/** Go's notation; read by the validators, since a bad one is no matter of shape. */
const duration = z.string();
const integer = z.number();
const integerOrText = z.union([z.number(), z.string()]);
const shape = <Shape extends z.ZodRawShape>(fields: Shape) => z.looseObject(fields);
const refined = <Conf extends z.ZodType>(conf: Conf) => z.array(shape({ targetRef: targetRefSchema, default: conf.optional() }));

/** A policy whose `from`, `to` and `rules` carry the same configuration. */
const policy = <Conf extends z.ZodType>(conf: Conf) =>
  shape({
    targetRef: targetRefSchema.optional(),
    from: refined(conf).optional(),
    to: refined(conf).optional(),
    rules: z.array(shape({ default: conf.optional() })).optional(),
  });

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
  resetHeaders: z.array(shape({ format: z.enum(["Seconds", "UnixTimestamp"]), name: z.string().min(1) })).optional(),
});
const headerTypes = ["Exact", "Present", "RegularExpression", "Absent", "Prefix"] as const;
const headerMatch = shape({ name: z.string().min(1), type: z.enum(headerTypes).optional(), value: z.string().optional() });

const retries = shape({
  tcp: shape({ maxConnectAttempt: integer.optional() }).optional(),
  http: shape({
    numRetries: integer.optional(),
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
          updateFrequency: integer.optional(),
        }),
      )
      .optional(),
    hostSelectionMaxAttempts: integer.optional(),
  }).optional(),
  grpc: shape({
    numRetries: integer.optional(),
    perTryTimeout: duration.optional(),
    backOff: backOff.optional(),
    rateLimitedBackOff: rateLimitedBackOff.optional(),
    retryOn: z.array(z.enum(["Canceled", "DeadlineExceeded", "Internal", "ResourceExhausted", "Unavailable"])).optional(),
  }).optional(),
});

const consecutive = shape({ consecutive: integer.optional() });
const breakers = shape({
  connectionLimits: shape({
    maxConnections: integer.optional(),
    maxConnectionPools: integer.optional(),
    maxPendingRequests: integer.optional(),
    maxRetries: integer.optional(),
    maxRequests: integer.optional(),
  }).optional(),
  outlierDetection: shape({
    disabled: z.boolean().optional(),
    interval: duration.optional(),
    baseEjectionTime: duration.optional(),
    maxEjectionPercent: integer.optional(),
    splitExternalAndLocalErrors: z.boolean().optional(),
    healthyPanicThreshold: integerOrText.optional(),
    detectors: shape({
      totalFailures: consecutive.optional(),
      gatewayFailures: consecutive.optional(),
      localOriginFailures: consecutive.optional(),
      successRate: shape({
        minimumHosts: integer.optional(),
        requestVolume: integer.optional(),
        standardDeviationFactor: integerOrText.optional(),
      }).optional(),
      failurePercentage: shape({
        minimumHosts: integer.optional(),
        requestVolume: integer.optional(),
        threshold: integer.optional(),
      }).optional(),
    }).optional(),
  }).optional(),
});

const logFormat = shape({
  type: z.enum(["Plain", "Json"]),
  plain: z.string().optional(),
  json: z.array(shape({ key: z.string().optional(), value: z.string().optional() })).optional(),
  omitEmptyValues: z.boolean().optional(),
});
const logs = shape({
  backends: z
    .array(
      shape({
        type: z.enum(["Tcp", "File", "OpenTelemetry"]),
        file: shape({ path: z.string().min(1), format: logFormat.optional() }).optional(),
        tcp: shape({ address: z.string().min(1), format: logFormat.optional() }).optional(),
        openTelemetry: shape({ endpoint: z.string().min(1) }).optional(),
      }),
    )
    .optional(),
});

const permission = shape({ action: z.enum(["Allow", "Deny", "AllowWithShadowDeny"]).optional() });

const headerValues = z.array(shape({ name: z.string().min(1), value: z.string() }));
const headerModifier = shape({ set: headerValues.optional(), add: headerValues.optional(), remove: z.array(z.string()).optional() });
const pathRewrite = shape({
  type: z.enum(["ReplaceFullPath", "ReplacePrefixMatch"]),
  replaceFullPath: z.string().optional(),
  replacePrefixMatch: z.string().optional(),
});
const hostname = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
const backendRef = targetRefSchema.extend({ weight: integer.optional(), port: integer.optional() });

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
                      port: integer.optional(),
                      path: pathRewrite.optional(),
                      statusCode: integer.optional(),
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

/** Shapes of the policies with a target reference that are checked throughout; what they do not name is kept as written. */
export const meshPolicySchemas = {
  MeshTrafficPermission: policy(permission),
  MeshTimeout: policy(timeouts),
  MeshRetry: policy(retries),
  MeshCircuitBreaker: policy(breakers),
  MeshAccessLog: policy(logs),
  MeshHTTPRoute: routes,
} as const;

export type MeshTrafficPermissionSpec = z.infer<(typeof meshPolicySchemas)["MeshTrafficPermission"]>;
export type MeshTimeoutSpec = z.infer<(typeof meshPolicySchemas)["MeshTimeout"]>;
export type MeshRetrySpec = z.infer<(typeof meshPolicySchemas)["MeshRetry"]>;
export type MeshCircuitBreakerSpec = z.infer<(typeof meshPolicySchemas)["MeshCircuitBreaker"]>;
export type MeshAccessLogSpec = z.infer<(typeof meshPolicySchemas)["MeshAccessLog"]>;
export type MeshHttpRouteSpec = z.infer<(typeof meshPolicySchemas)["MeshHTTPRoute"]>;
