import { startKafkaBroker, type KafkaBroker } from "@atoll/testkit/kafka-broker";
import { startRedisServer, type RedisServer } from "@atoll/testkit/redis";

/** A Kafka and a Redis of one test file's own, to be killed at will. */
export interface Backends {
  kafka: KafkaBroker;
  redis: RedisServer;
  /** For `TestStack`: all its services use them. */
  env: Record<string, string>;
  close(): Promise<void>;
}

export async function startBackends(): Promise<Backends> {
  const [kafka, redis] = await Promise.all([startKafkaBroker(), startRedisServer()]);
  return {
    kafka,
    redis,
    env: { ATOLL_LOG_KAFKA_BROKERS: kafka.brokers, ATOLL_INVENTORY_REDIS_URL: redis.url },
    close: async () => {
      await kafka.close();
      await redis.close();
    },
  };
}
