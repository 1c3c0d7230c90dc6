import { readFileSync } from "node:fs";
import { z } from "zod";
import { expandPath } from "./paths.ts";
import { SettingsError } from "./settings.ts";

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);

/** `log.kafka` of every service that has a log. Without brokers the log is embedded, or another process's. */
export const kafkaSettings = section({
  /** `host:port` of some brokers, separated by commas in the environment. */
  brokers: z.array(z.string().regex(/^.+:\d+$/, "has to be host:port")).default([]),
  clientId: z.string().default("atoll"),
  /** Before every topic's name: several clusters of Atoll can share one of Kafka. */
  topicPrefix: z
    .string()
    .regex(/^[a-zA-Z0-9._-]*$/, "only letters, digits, dots, underscores and dashes")
    .default(""),
  /** Of topics that are created. Absent: 3, or as many as there are brokers. */
  replicationFactor: z.int().min(1).optional(),
  /** How long brokers may be away before a write is refused. */
  appendTimeoutMs: z.int().min(100).default(8_000),
  tls: section({
    enabled: z.boolean().default(false),
    caFile: z.string().optional(),
    certFile: z.string().optional(),
    keyFile: z.string().optional(),
    skipVerify: z.boolean().default(false),
  }),
  sasl: section({
    /** "" = none. */
    mechanism: z.enum(["", "plain", "scram-sha-256", "scram-sha-512"]).default(""),
    username: z.string().default(""),
    password: z.string().optional(),
    passwordFile: z.string().optional(),
  }),
});

/** `inventory.redis` of the services of a zone. Without a URL the inventory is each process's own. */
export const redisSettings = section({
  /** `redis://host:port` or, with TLS, `rediss://host:port`; several separated by commas: nodes of a cluster. */
  url: z.string().default(""),
  cluster: z.boolean().default(false),
  username: z.string().optional(),
  password: z.string().optional(),
  passwordFile: z.string().optional(),
  tls: section({ caFile: z.string().optional(), skipVerify: z.boolean().default(false) }),
});

/** What a Kafka client is given; undefined = no Kafka. Reads the files. @throws SettingsError */
export function kafkaConnection(settings: z.infer<typeof kafkaSettings>) {
  const { brokers, clientId, topicPrefix, replicationFactor, appendTimeoutMs, tls, sasl } = settings;
  if (brokers.length === 0) return undefined;
  return {
    brokers,
    clientId,
    topicPrefix,
    appendTimeoutMs,
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
    ...(tls.enabled
      ? {
          tls: {
            ...fileText("ca", tls.caFile, "log.kafka.tls.caFile"),
            ...fileText("cert", tls.certFile, "log.kafka.tls.certFile"),
            ...fileText("key", tls.keyFile, "log.kafka.tls.keyFile"),
            skipVerify: tls.skipVerify,
          },
        }
      : {}),
    ...(sasl.mechanism === ""
      ? {}
      : { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: secretText(sasl, "log.kafka.sasl.password") ?? "" } }),
  };
}

/** What a Redis client is given; undefined = no Redis. Reads the files. @throws SettingsError */
export function redisConnection(settings: z.infer<typeof redisSettings>) {
  const { url, cluster, username, tls } = settings;
  if (url === "") return undefined;
  const password = secretText(settings, "inventory.redis.password");
  return {
    url,
    cluster,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...fileText("tlsCa", tls.caFile, "inventory.redis.tls.caFile"),
    tlsSkipVerify: tls.skipVerify,
  };
}

function secretText(from: { password?: string; passwordFile?: string }, setting: string): string | undefined {
  if (from.passwordFile === undefined) return from.password;
  return fileText("text", from.passwordFile, `${setting}File`).text?.trim();
}

function fileText<Name extends string>(name: Name, file: string | undefined, setting: string): Partial<Record<Name, string>> {
  if (file === undefined) return {};
  try {
    return { [name]: readFileSync(expandPath(file), "utf8") } as Partial<Record<Name, string>>;
  } catch (error) {
    throw new SettingsError(`${setting}: cannot read ${file}: ${(error as Error).message}`);
  }
}
