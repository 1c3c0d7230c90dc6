import { connect } from "node:net";
import { startKafka } from "@atoll/testkit/kafka";
import { startRedis } from "@atoll/testkit/redis";

/** What a stack keeps its log and its inventories in: files and memory of its own processes, or Kafka and Redis. */
export const stackKinds = ["embedded", "kafka"] as const;
export type StackKind = (typeof stackKinds)[number];

/** A Kafka, and a Redis for each zone. */
export interface Backends {
  /** `host:port`, comma-separated. */
  brokers: string;
  /** Of global and the token issuer. */
  env: Readonly<Record<string, string>>;
  /** Of a zone's services. */
  zoneEnv(zone: string): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * `$KAFKA_BROKERS` and `$REDIS_URL` where they are given, with topics that nobody else has; otherwise a broker from Maven's jars, shared
 * with other processes of this repository that run now, and `redis-server`. Rejects with one line that says what is missing.
 */
export async function startBackends(zones: readonly string[]): Promise<Backends> {
  await assertReachable("KAFKA_BROKERS", process.env["KAFKA_BROKERS"]?.split(",")[0]);
  await assertReachable("REDIS_URL", process.env["REDIS_URL"]);
  const kafka = startKafka();
  const redis = zones.map(() => startRedis());
  const started = await Promise.allSettled<{ close(): Promise<void> }>([kafka, ...redis]);
  const close = async (): Promise<void> => {
    for (const one of started) if (one.status === "fulfilled") await one.value.close();
  };
  try {
    const { brokers, topicPrefix } = await kafka;
    const env = { ATOLL_LOG_KAFKA_BROKERS: brokers, ATOLL_LOG_KAFKA_TOPIC_PREFIX: topicPrefix() };
    const urls = new Map<string, string>();
    for (const [index, zone] of zones.entries()) urls.set(zone, (await redis[index]!).url);
    return { brokers, env, zoneEnv: (zone) => ({ ...env, ATOLL_INVENTORY_REDIS_URL: urls.get(zone)! }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A given address that nobody answers at is said at once, not after a service has waited for it. */
async function assertReachable(variable: string, address: string | undefined): Promise<void> {
  if (!address) return;
  const text = address.includes("://") ? address : `tcp://${address}`;
  const { hostname, port } = URL.canParse(text) ? new URL(text) : { hostname: "", port: "" };
  if (hostname === "") throw new Error(`${variable}: ${address} is no address`);
  const failure = await new Promise<Error | undefined>((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 6379), timeout: 3_000 });
    socket.once("connect", () => resolve(undefined)).once("error", resolve);
    socket.once("timeout", () => resolve(new Error("no answer within 3 s")));
    socket.once("connect", () => socket.destroy());
  });
  if (failure) throw new Error(`${variable}: nothing answers at ${hostname}:${port}: ${failure.message}`);
}
