import { z } from "zod";
import { duration, headerModifier, integer, integerOrText, outboundPolicy, shape } from "./common.ts";

const checks = shape({
  interval: duration.optional(),
  timeout: duration.optional(),
  unhealthyThreshold: integer.optional(),
  healthyThreshold: integer.optional(),
  initialJitter: duration.optional(),
  intervalJitter: duration.optional(),
  intervalJitterPercent: integer.optional(),
  healthyPanicThreshold: integerOrText.optional(),
  failTrafficOnPanic: z.boolean().optional(),
  noTrafficInterval: duration.optional(),
  eventLogPath: z.string().optional(),
  alwaysLogHealthCheckFailures: z.boolean().optional(),
  reuseConnection: z.boolean().optional(),
  tcp: shape({ disabled: z.boolean().optional(), send: z.string().optional(), receive: z.array(z.string()).optional() }).optional(),
  http: shape({
    disabled: z.boolean().optional(),
    path: z.string().optional(),
    requestHeadersToAdd: headerModifier.optional(),
    expectedStatuses: z.array(integer).optional(),
  }).optional(),
  grpc: shape({
    disabled: z.boolean().optional(),
    serviceName: z.string().optional(),
    authority: z.string().optional(),
  }).optional(),
});

export const meshHealthCheckSchema = outboundPolicy(checks.optional());
export type MeshHealthCheckSpec = z.infer<typeof meshHealthCheckSchema>;
