import { diagnosticsSettings, kafkaSettings, proxyTokenSettings, tracingSettings } from "@atoll/runtime";
import { z } from "zod";

const port = z.int().min(0).max(65_535);
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);

/** Settings of the token issuer. */
export const tokensSettings = z.object({
  general: section({
    /** Holds the global sealing key (`global.key`), which global and its token issuers share. */
    workDir: z.string().min(1).default("~/.atoll/global"),
  }),
  /** `kafka`: follow the log there, instead of through global. */
  log: section({ level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"), kafka: kafkaSettings }),
  tokens: section({
    /** Beyond the machine only with a certificate: what is asked for is a credential, and so is what is shown for it. */
    interface: z.string().default("localhost"),
    port: port.default(5684),
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
  }),
  global: section({
    /** `grpcs://host:port` of global's log relay. */
    address: z
      .string()
      .regex(/^grpcs?:\/\/[^/]+:\d+$/, "has to be grpcs://host:port")
      .default("grpcs://127.0.0.1:5685"),
    rootCaFile: z.string().optional(),
    tlsSkipVerify: z.boolean().default(false),
  }),
  tracing: tracingSettings,
  /** What a zone's token is verified with, when the zone asks for tokens of dataplanes. */
  dpServer: section({ authn: section({ zoneProxy: proxyTokenSettings.zoneProxy }) }),
  diagnostics: diagnosticsSettings,
});

export type TokensSettings = z.infer<typeof tokensSettings>;
