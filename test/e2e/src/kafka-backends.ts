import type { Backends } from "@atoll/demo/backends";
import { startKafkaBroker, type KafkaBroker } from "@atoll/testkit/kafka-broker";
import { startRedisServer, type RedisServer } from "@atoll/testkit/redis";

/** A Kafka and a Redis of one test file's own, to be killed at will. All zones share the Redis. */
export interface KillableBackends extends Backends {
  kafka: KafkaBroker;
  redis: RedisServer;
}

export async function startKillableBackends(): Promise<KillableBackends> {
  const [kafka, redis] = await Promise.all([startKafkaBroker(), startRedisServer()]);
  const env = { ATOLL_LOG_KAFKA_BROKERS: kafka.brokers };
  return {
    kafka,
    redis,
    brokers: kafka.brokers,
    env,
    zoneEnv: () => ({ ...env, ATOLL_INVENTORY_REDIS_URL: redis.url }),
    close: async () => {
      await kafka.close();
      await redis.close();
    },
  };
}
