import { accessSettings, apiServerSettings, diagnosticsSettings, kafkaSettings, proxyTokenSettings, tracingSettings } from "@atoll/runtime";
import { z } from "zod";

const port = z.int().min(0).max(65_535);
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);

/** Settings of the global service. Names are Kuma's where Kuma has the setting; `ATOLL_API_SERVER_HTTP_PORT` and so on. */
export const globalSettings = z.object({
  general: section({
    /** Log, keys and certificates. */
    workDir: z.string().min(1).default("~/.atoll/global"),
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
  }),
  log: section({ level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"), kafka: kafkaSettings }),
  apiServer: apiServerSettings,
  access: accessSettings,
  dpServer: section({ authn: section(proxyTokenSettings) }),
  multizone: section({
    global: section({
      kds: section({
        grpcInterface: z.string().default("0.0.0.0"),
        grpcPort: port.default(5685),
        /** A certificate of its own instead of `general.tlsCertFile`. */
        tlsCertFile: z.string().optional(),
        tlsKeyFile: z.string().optional(),
        heartbeatIntervalMs: z.int().min(100).default(5_000),
        /** `grpcs://host:port` at which other replicas of global reach this one. Default: the host's name. */
        advertisedAddress: z
          .string()
          .regex(/^grpcs:\/\/[^/]+:\d+$/, "has to be grpcs://host:port")
          .optional(),
      }),
    }),
  }),
  tokens: section({
    /** The token issuer. */
    url: z.url().default("http://127.0.0.1:5684"),
    /** PEM that its certificate is verified with. */
    rootCaFile: z.string().optional(),
  }),
  /** How many subscriptions the insight of a zone keeps. */
  metrics: section({ zone: section({ subscriptionLimit: z.int().min(1).default(10) }) }),
  store: section({ unsafeDelete: z.boolean().default(false) }),
  defaults: section({
    skipMeshCreation: z.boolean().default(false),
    createMeshRoutingResources: z.boolean().default(false),
    skipHostnameGenerators: z.boolean().default(false),
  }),
  snapshots: section({ everyRecords: z.int().min(1).default(10_000) }),
  tracing: tracingSettings,
  diagnostics: diagnosticsSettings,
});

export type GlobalSettings = z.infer<typeof globalSettings>;
