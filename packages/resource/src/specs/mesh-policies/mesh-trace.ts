import { z } from "zod";
import { integerOrText, proxyPolicy, shape } from "./common.ts";

const traces = shape({
  backends: z
    .array(
      shape({
        type: z.enum(["Zipkin", "Datadog", "OpenTelemetry"]),
        zipkin: shape({
          url: z.string(),
          traceId128bit: z.boolean().default(false),
          apiVersion: z.enum(["httpJson", "httpProto"]).default("httpJson"),
          sharedSpanContext: z.boolean().default(true),
        }).optional(),
        datadog: shape({ url: z.string(), splitService: z.boolean().default(false) }).optional(),
        openTelemetry: shape({ endpoint: z.string().min(1) }).optional(),
      }),
    )
    .max(1)
    .optional(),
  sampling: shape({
    overall: integerOrText.optional(),
    client: integerOrText.optional(),
    random: integerOrText.optional(),
  }).optional(),
  tags: z
    .array(
      shape({
        name: z.string(),
        literal: z.string().optional(),
        header: shape({ name: z.string(), default: z.string().optional() }).optional(),
      }),
    )
    .optional(),
});

export const meshTraceSchema = proxyPolicy(traces.optional());
export type MeshTraceSpec = z.infer<typeof meshTraceSchema>;
