import { diagnosticsSettings, kafkaSettings, redisSettings, tlsVersion, tokenValidatorSettings, tracingSettings } from "@atoll/runtime";
import { z } from "zod";

const port = z.int().min(0).max(65_535);
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);

/** Settings of an xDS server. */
export const xdsSettings = z.object({
  /** `kubernetes`: proxies are pods, known by the tokens of their service accounts unless `dpServer.authn` says otherwise. */
  environment: z.enum(["universal", "kubernetes"]).default("universal"),
  runtime: section({
    kubernetes: section({
      /** By which tokens of pods are verified, instead of the service account of this pod. */
      kubeconfig: z.string().optional(),
    }),
  }),
  general: section({
    /** Certificate of the dataplane server. Shared with the zone's sync service when both run on one machine. */
    workDir: z.string().min(1).default("~/.atoll/zone"),
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
    /** Names this replica in the zone's log; has to stay the same across restarts and differ between replicas. */
    instanceId: z.string().optional(),
  }),
  /** `kafka`: the configuration is read from there, too, and not only through the zone's sync service. */
  log: section({ level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"), kafka: kafkaSettings }),
  inventory: section({ redis: redisSettings }),
  multizone: section({
    zone: section({
      name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a zone's name is a DNS label of at most 63 characters"),
      token: z.string().optional(),
      tokenFile: z.string().optional(),
    }),
  }),
  zone: section({
    /** `grpcs://host:port` of the relay of the zone's sync service; several, separated by commas, where the zone has several. */
    address: z
      .string()
      .regex(/^grpcs?:\/\/[^/,]+:\d+(,grpcs?:\/\/[^/,]+:\d+)*$/, "has to be grpcs://host:port, or several separated by commas")
      .default("grpcs://127.0.0.1:5686"),
    rootCaFile: z.string().optional(),
    tlsSkipVerify: z.boolean().default(false),
  }),
  dpServer: section({
    interface: z.string().default("0.0.0.0"),
    port: port.default(5678),
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
    tlsMinVersion: tlsVersion.default("TLSv1_2"),
    readHeaderTimeoutMs: z.int().min(1).default(5_000),
    authn: section({
      dpProxy: section({
        type: z.enum(["", "dpToken", "serviceAccountToken", "none"]).default(""),
        dpToken: section({ validator: tokenValidatorSettings }),
      }),
      zoneProxy: section({
        type: z.enum(["", "zoneToken", "serviceAccountToken", "none"]).default(""),
        zoneToken: section({ validator: tokenValidatorSettings }),
      }),
      /** A deleted signing key ends the streams of proxies whose token it signed at once; without, it refuses new streams alone. */
      endStreamsOfDeletedKeys: z.boolean().default(false),
      /** Proxies that gave a path get Envoys that read the token from it again for each stream. */
      enableReloadableTokens: z.boolean().default(false),
    }),
    hds: section({
      enabled: z.boolean().default(true),
      /** Longest time between two reports of an Envoy. */
      intervalMs: z.int().min(100).default(5_000),
      /** Of a probe that does not say. */
      checkDefaults: section({
        timeoutMs: z.int().min(1).default(2_000),
        intervalMs: z.int().min(1).default(1_000),
        healthyThreshold: z.int().min(1).default(1),
        unhealthyThreshold: z.int().min(1).default(1),
      }),
    }),
  }),
  xds: section({
    dataplaneDeregistrationDelayMs: z.int().min(0).default(10_000),
    dataplaneStatusFlushIntervalMs: z.int().min(10).default(1_000),
    /** How often a replica says that it lives, and for how many of those others wait before they take over its proxies. */
    replicaBeatIntervalMs: z.int().min(10).default(15_000),
    replicaMissedBeats: z.int().min(1).default(20),
  }),
  metrics: section({
    /** How many subscriptions the insight of a proxy keeps. */
    dataplane: section({ subscriptionLimit: z.int().min(1).default(2) }),
  }),
  bootstrapServer: section({
    params: section({
      adminAddress: z.string().default(""),
      adminPort: port.default(9901),
      adminAccessLogPath: z.string().default("/dev/null"),
      xdsHost: z.string().default(""),
      xdsPort: port.default(0),
      /** Of a Go template that launchers make CoreDNS's configuration from. */
      corefileTemplatePath: z.string().default(""),
      xdsConnectTimeoutMs: z.int().default(1_000),
    }),
  }),
  proxy: section({ gateway: section({ globalDownstreamMaxConnections: z.int().default(50_000) }) }),
  tracing: tracingSettings,
  diagnostics: diagnosticsSettings,
});

export type XdsSettings = z.infer<typeof xdsSettings>;
