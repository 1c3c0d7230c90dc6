import { LogError } from "./event-log.ts";
import type { TopicConfig } from "./event-log.ts";
import type { KafkaClient, TopicPlace } from "./kafka-client.ts";
import { protocolError, toLogError } from "./kafka-errors.ts";

/** Room for an append of the port's limit and what Kafka adds to each of its records. */
export const maxMessageBytes = 10 * 1024 * 1024;
const tombstoneRetentionMs = 24 * 3_600_000;
const topicResource = 2;

type Requirement = { name: string; value: string; is: (found: string) => boolean };

const exactly = (name: string, value: string): Requirement => ({ name, value, is: (found) => found === value });
const atLeast = (name: string, value: number): Requirement => ({ name, value: String(value), is: (found) => Number(found) >= value });

/** What a topic has to be configured like; a new one is made so. */
function requirements(cleanup: TopicConfig["cleanup"]): Requirement[] {
  const both = [exactly("message.timestamp.type", "LogAppendTime"), atLeast("max.message.bytes", maxMessageBytes)];
  if (cleanup === "keep")
    return [exactly("cleanup.policy", "delete"), exactly("retention.ms", "-1"), exactly("retention.bytes", "-1"), ...both];
  return [exactly("cleanup.policy", "compact"), atLeast("delete.retention.ms", 60_000), ...both];
}

/** What a new topic gets beyond what is checked: an operator may tune these. */
function defaults(cleanup: TopicConfig["cleanup"], replicas: number): { name: string; value: string }[] {
  const common = [
    { name: "min.insync.replicas", value: String(replicas >= 3 ? 2 : 1) },
    { name: "unclean.leader.election.enable", value: "false" },
  ];
  if (cleanup === "keep") return common;
  return [
    ...common,
    { name: "delete.retention.ms", value: String(tombstoneRetentionMs) },
    // Small closed segments, so that heartbeats are compacted away soon: a cold reader replays little.
    { name: "segment.bytes", value: String(16 * 1024 * 1024) },
    { name: "segment.ms", value: String(3_600_000) },
    { name: "min.cleanable.dirty.ratio", value: "0.2" },
  ];
}

export interface EnsureKafkaTopicOptions {
  client: KafkaClient;
  /** As Kafka names it. */
  topic: string;
  cleanup: TopicConfig["cleanup"];
  /** Of a new topic. Default: 3, or as many as there are brokers. */
  replicas?: number | undefined;
}

/** Creates the topic, or checks the one that exists. Throws `LogError` "topic-mismatch" that names each difference. */
export async function ensureKafkaTopic({ client, topic, cleanup, replicas }: EnsureKafkaTopicOptions): Promise<void> {
  const found = await client.find(topic);
  if (found) return checkTopic(client, topic, cleanup, found);
  const replicationFactor = replicas ?? Math.min(3, await client.brokerCount(topic));
  const fixed = requirements(cleanup).map(({ name, value }) => ({ name, value }));
  const added = defaults(cleanup, replicationFactor);
  const configEntries = [...fixed.filter(({ name }) => !added.some((entry) => entry.name === name)), ...added];
  try {
    await client.call(({ broker }) =>
      broker.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor, configEntries }], timeout: 10_000 }),
    );
  } catch (error) {
    if (protocolError(error) !== "TOPIC_ALREADY_EXISTS") throw toLogError(error, `cannot create topic ${topic}`);
    // Another process was first.
    return checkTopic(client, topic, cleanup, await appeared(client, topic));
  }
  await appeared(client, topic);
}

/** Configuration values of a topic by name; undefined if this principal may not ask. */
export async function topicSettings(
  client: KafkaClient,
  topic: string,
  names: readonly string[],
): Promise<Map<string, string> | undefined> {
  try {
    const { resources } = await client.call(({ broker }) =>
      broker.describeConfigs({ resources: [{ type: topicResource, name: topic, configNames: [...names] }] }),
    );
    return new Map(
      resources.flatMap(({ configEntries }) => configEntries.map((entry) => [entry.configName, entry.configValue ?? ""] as const)),
    );
  } catch (error) {
    if (error instanceof LogError && error.code === "forbidden") return undefined;
    throw error;
  }
}

async function checkTopic(client: KafkaClient, topic: string, cleanup: TopicConfig["cleanup"], place: TopicPlace): Promise<void> {
  const required = requirements(cleanup);
  const found = await topicSettings(
    client,
    topic,
    required.map(({ name }) => name),
  );
  const differences = required.flatMap(({ name, value, is }) => {
    const present = found?.get(name);
    return present === undefined || is(present) ? [] : [`${name} is ${present}, not ${value}`];
  });
  if (place.partitions !== 1) differences.unshift(`it has ${place.partitions} partitions, not 1`);
  if (differences.length > 0)
    throw new LogError("topic-mismatch", `topic ${topic} exists with another configuration: ${differences.join("; ")}`);
}

/** A new topic is known to the brokers one after the other. */
async function appeared(client: KafkaClient, topic: string): Promise<TopicPlace> {
  let failure: unknown;
  for (let delayMs = 5; delayMs < 3_000; delayMs *= 2) {
    try {
      const place = await client.find(topic);
      if (place) return place;
    } catch (error) {
      if (!(error instanceof LogError) || !error.canRetry) throw error;
      failure = error;
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  throw new LogError("unavailable", `topic ${topic} was created and has no leader yet`, { cause: failure });
}
