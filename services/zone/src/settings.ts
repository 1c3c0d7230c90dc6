import { isAddressRange } from "@atoll/names";
import {
  accessSettings,
  apiServerSettings,
  diagnosticsSettings,
  kafkaSettings,
  proxyTokenSettings,
  readerSettings,
  redisSettings,
  tlsVersion,
  tracingSettings,
} from "@atoll/runtime";
import { z } from "zod";

const port = z.int().min(0).max(65_535);
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);

/** Settings of a zone's sync service. */
export const zoneSettings = z.object({
  general: section({
    /** The zone's log, its mirror of the configuration, keys and certificates. */
    workDir: z.string().min(1).default("~/.atoll/zone"),
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
  }),
  /** `kafka`: replicate from and to it, instead of through global. */
  log: section({ level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"), kafka: kafkaSettings }),
  inventory: section({ redis: redisSettings }),
  /** `kubernetes`: the zone is a cluster, whose services have names by its DNS. */
  environment: z.enum(["universal", "kubernetes"]).default("universal"),
  apiServer: apiServerSettings,
  access: accessSettings,
  dpServer: section({ authn: section(proxyTokenSettings) }),
  multizone: section({
    zone: section({
      name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a zone's name is a DNS label of at most 63 characters"),
      /** `grpcs://host:port` of global; several, separated by commas, where global has several replicas. */
      globalAddress: z
        .string()
        .regex(/^grpcs?:\/\/[^/,]+:\d+(,grpcs?:\/\/[^/,]+:\d+)*$/, "has to be grpcs://host:port, or several separated by commas")
        .default("grpcs://127.0.0.1:5685"),
      kds: section({ rootCaFile: z.string().optional(), tlsSkipVerify: z.boolean().default(false) }),
      /** Zone token with scope cp. */
      token: z.string().optional(),
      tokenFile: z.string().optional(),
      heartbeatIntervalMs: z.int().min(100).default(2_000),
      /** A zone whose heartbeats stopped is left out by the others after this time. */
      livenessGraceMs: z.int().min(1_000).default(30_000),
      /** Of several sync services of a zone one writes. When it was not heard of for this time, another one takes over. */
      leaseMs: z.int().min(500).default(6_000),
    }),
  }),
  /** Names and virtual IPs of transparently proxied workloads. */
  dnsServer: section({
    domain: z
      .string()
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, "has to be a domain")
      .default("mesh"),
    cidr: z.string().refine(isAddressRange, "has to be a CIDR").default("240.0.0.0/4"),
    /** Whether every service is called `<kuma.io/service>.<domain>`. */
    serviceVipEnabled: z.boolean().default(true),
    serviceVipPort: port.min(1).default(80),
  }),
  /** Virtual IPs of services that are resources. */
  ipam: section({
    meshService: section({ cidr: z.string().refine(isAddressRange, "has to be a CIDR").default("241.0.0.0/8") }),
    meshExternalService: section({ cidr: z.string().refine(isAddressRange, "has to be a CIDR").default("242.0.0.0/8") }),
    meshMultiZoneService: section({ cidr: z.string().refine(isAddressRange, "has to be a CIDR").default("243.0.0.0/8") }),
  }),
  /** A generated MeshService outlives its last Dataplane for so long. */
  meshService: section({ deletionGracePeriodMs: z.int().min(0).default(3_600_000) }),
  defaults: section({ skipHostnameGenerators: z.boolean().default(false) }),
  /** Resources whose proxies were last seen so long ago are removed. */
  runtime: section({
    universal: section({
      dataplaneCleanupAgeMs: z.int().min(1_000).default(259_200_000),
      zoneResourceCleanupAgeMs: z.int().min(1_000).default(259_200_000),
    }),
  }),
  tokens: section({
    /** The token issuer, which the zone's REST API asks for dataplane tokens. */
    url: z.url().default("http://127.0.0.1:5684"),
    /** PEM that its certificate is verified with. */
    rootCaFile: z.string().optional(),
  }),
  /** Where the zone's xDS replicas connect, and its other sync services. */
  relay: section({
    interface: z.string().default("0.0.0.0"),
    port: port.default(5686),
    /** How the zone's other sync services reach it. Default: the host's name. */
    advertisedAddress: z
      .string()
      .regex(/^grpcs:\/\/[^/]+:\d+$/, "has to be grpcs://host:port")
      .optional(),
  }),
  /** Where Prometheus' kuma_sd_configs finds the zone's proxies; 0: nowhere. */
  monitoringAssignmentServer: section({
    interface: z.string().default("0.0.0.0"),
    port: port.default(5676),
    /** For everybody who reaches the port, and not only for somebody at the machine and who shows the token. */
    open: z.boolean().default(false),
    ...readerSettings,
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
    tlsMinVersion: tlsVersion.default("TLSv1_2"),
    /** How long an answer waits for news, unless the request says otherwise. */
    defaultFetchTimeoutMs: z.int().min(0).default(30_000),
  }),
  tracing: tracingSettings,
  diagnostics: diagnosticsSettings,
});

export type ZoneSettings = z.infer<typeof zoneSettings>;
