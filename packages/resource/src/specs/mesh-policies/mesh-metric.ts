import { z } from "zod";
import { count, duration, proxyPolicy, shape } from "./common.ts";

const selectors = z.array(shape({ type: z.enum(["Prefix", "Regex", "Exact", "Contains"]), match: z.string() }));
const metrics = shape({
  sidecar: shape({
    includeUnused: z.boolean().optional(),
    profiles: shape({
      appendProfiles: z.array(shape({ name: z.enum(["All", "Basic", "None"]) })).optional(),
      exclude: selectors.optional(),
      include: selectors.optional(),
    }).optional(),
  }).optional(),
  applications: z
    .array(
      shape({
        name: z.string().optional(),
        path: z.string().default("/metrics"),
        address: z.string().optional(),
        port: count,
      }),
    )
    .optional(),
  backends: z
    .array(
      shape({
        type: z.enum(["Prometheus", "OpenTelemetry"]),
        prometheus: shape({
          clientId: z.string().optional(),
          port: count.default(5670),
          path: z.string().default("/metrics"),
          tls: shape({ mode: z.enum(["Disabled", "ProvidedTLS", "ActiveMTLSBackend"]).default("Disabled") }).optional(),
        }).optional(),
        openTelemetry: shape({ endpoint: z.string(), refreshInterval: duration.optional() }).optional(),
      }),
    )
    .optional(),
});

export const meshMetricSchema = proxyPolicy(metrics.default(() => ({})));
export type MeshMetricSpec = z.infer<typeof meshMetricSchema>;
