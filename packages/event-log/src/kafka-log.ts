import { LogError, topicConfig } from "./event-log.ts";
import type { LogRecord, MirrorLog, MirrorOptions, NewRecord, TopicConfig, TopicDescription } from "./event-log.ts";
import { KafkaClient } from "./kafka-client.ts";
import type { TopicPlace } from "./kafka-client.ts";
import type { KafkaConnectionOptions } from "./kafka-connection.ts";
import { CopyTarget, copyPosition } from "./kafka-copy.ts";
import { OwnAppends } from "./kafka-own-appends.ts";
import { readKafkaTopic, readLastRecord } from "./kafka-reader.ts";
import { ensureKafkaTopic, topicSettings } from "./kafka-topics.ts";
import { KafkaWriter, appendBytes } from "./kafka-writer.ts";

export interface KafkaLogOptions extends KafkaConnectionOptions {
  /** Before the name of every topic, so that several clusters of Atoll can share one of Kafka. */
  topicPrefix?: string;
  /** Of the topics this process creates. Default: 3, or as many as there are brokers. */
  replicationFactor?: number;
  /** How long brokers may be away before an append is refused with "unavailable". Default 8,000. */
  appendTimeoutMs?: number;
  /** A read has its broker: at its beginning, and again after each interruption. */
  onReadConnected?: (topic: string) => void;
  /** A read lost its broker and will look for it again after `delayMs`. For logs and metrics. */
  onReadInterrupted?: (topic: string, error: LogError, delayMs: number) => void;
}

interface KnownTopic {
  id: string;
  cleanup: TopicConfig["cleanup"];
  tombstoneRetentionMs: number;
}

const defaultTombstoneRetentionMs = 24 * 3_600_000;

/**
 * The log in Kafka: a topic of the port is a topic of one partition there. Appends are idempotent and acknowledged by all in-sync
 * replicas; reads need no consumer group. Nothing is connected before it is needed, and everything finds its broker again.
 */
export class KafkaLog implements MirrorLog {
  readonly #options: KafkaLogOptions;
  readonly #client: KafkaClient;
  readonly #closing = new AbortController();
  readonly #writers = new Map<string, KafkaWriter>();
  readonly #own = new Map<string, OwnAppends>();
  readonly #copies = new Map<string, CopyTarget>();
  readonly #known = new Map<string, KnownTopic>();
  readonly #awaited = new Map<string, Set<() => void>>();

  /** Throws if an address is not `host:port`; whether the brokers are there is found out by the first call. */
  constructor(options: KafkaLogOptions) {
    this.#options = options;
    this.#client = new KafkaClient(options);
  }

  async ensureTopic(config: TopicConfig): Promise<void> {
    this.#assertOpen();
    const topic = this.#nameOf(config.name);
    await ensureKafkaTopic({ client: this.#client, topic, cleanup: config.cleanup, replicas: this.#options.replicationFactor });
    for (const wake of this.#awaited.get(topic) ?? []) wake();
  }

  /** All records are durable here: it costs nobody a wait. */
  async append(topicName: string, records: readonly NewRecord[]): Promise<number[]> {
    this.#assertOpen();
    if (records.length === 0) return [];
    return this.#writer(topicName).append(records, appendBytes(topicName, records));
  }

  async appendMirror(topicName: string, records: readonly LogRecord[], options: MirrorOptions = {}): Promise<number> {
    this.#assertOpen();
    return this.#copy(topicName).append(records, options);
  }

  async *read(topicName: string, fromOffset: number, signal: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    this.#assertOpen();
    const topic = this.#nameOf(topicName);
    yield* readKafkaTopic({
      client: this.#client,
      topic,
      fromOffset,
      signal: AbortSignal.any([signal, this.#closing.signal]),
      own: this.#ownAppends(topicName),
      isCompacted: async (place) => (await this.#describeTopic(topicName, place)).cleanup === "compact",
      resumableFrom: (place) => this.#resumableFrom(topicName, place),
      created: (_, until) => this.#created(topic, until),
      onConnected: () => this.#options.onReadConnected?.(topicName),
      onInterrupted: (_, error, delayMs) => this.#options.onReadInterrupted?.(topicName, error, delayMs),
    });
    if (!signal.aborted) this.#assertOpen();
  }

  async head(topicName: string): Promise<number> {
    const place = await this.#find(topicName);
    return place ? (await this.#client.range(this.#nameOf(topicName), place)).high : 0;
  }

  /** Of a compacted topic: where its tombstones are sure to be held from, as long as Kafka keeps them. */
  async tail(topicName: string): Promise<number> {
    const place = await this.#find(topicName);
    return place ? this.#tailAt(topicName, place) : 0;
  }

  async describe(topicName: string): Promise<TopicDescription> {
    const place = await this.#find(topicName);
    if (!place) return { head: 0, tail: 0, incarnation: "", cleanup: "keep", copy: { incarnation: "", head: 0 } };
    const { cleanup } = await this.#describeTopic(topicName, place);
    const [{ high }, tail, copy] = await Promise.all([
      this.#client.range(this.#nameOf(topicName), place),
      this.#tailAt(topicName, place),
      this.#copy(topicName).position(),
    ]);
    return { head: high, tail, incarnation: place.id, cleanup, copy };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const writer of this.#writers.values()) writer.close();
    this.#client.close();
  }

  async #tailAt(topicName: string, place: TopicPlace): Promise<number> {
    const { cleanup } = await this.#describeTopic(topicName, place);
    return cleanup === "compact" ? this.#resumableFrom(topicName, place) : (await this.#client.range(this.#nameOf(topicName), place)).low;
  }

  /** Whoever is behind a record that is older than the tombstones' time may have missed one. */
  async #resumableFrom(topicName: string, place: TopicPlace): Promise<number> {
    const topic = this.#nameOf(topicName);
    const { tombstoneRetentionMs } = await this.#describeTopic(topicName, place);
    const since = await this.#client.offsetAt(topic, place, Date.now() - 0.9 * tombstoneRetentionMs);
    return since >= 0 ? since : (await this.#client.range(topic, place)).high;
  }

  async #describeTopic(topicName: string, { id }: TopicPlace): Promise<KnownTopic> {
    const known = this.#known.get(topicName);
    if (known?.id === id) return known;
    const settings = await topicSettings(this.#client, this.#nameOf(topicName), ["cleanup.policy", "delete.retention.ms"]);
    const policy = settings?.get("cleanup.policy");
    const described: KnownTopic = {
      id,
      // Who may not ask relies on the name.
      cleanup: policy === undefined ? topicConfig(topicName).cleanup : policy.includes("compact") ? "compact" : "keep",
      tombstoneRetentionMs: Number(settings?.get("delete.retention.ms") ?? defaultTombstoneRetentionMs),
    };
    this.#known.set(topicName, described);
    return described;
  }

  #writer(topicName: string): KafkaWriter {
    let writer = this.#writers.get(topicName);
    if (!writer) {
      writer = new KafkaWriter({
        connection: this.#options,
        topic: this.#nameOf(topicName),
        own: this.#ownAppends(topicName),
        timeoutMs: this.#options.appendTimeoutMs ?? 8_000,
        cleanup: async () => {
          const place = await this.#find(topicName);
          if (!place) throw new LogError("unknown-topic", `topic ${topicName} does not exist`);
          return (await this.#describeTopic(topicName, place)).cleanup;
        },
      });
      this.#writers.set(topicName, writer);
    }
    return writer;
  }

  #ownAppends(topicName: string): OwnAppends {
    let own = this.#own.get(topicName);
    if (!own) this.#own.set(topicName, (own = new OwnAppends()));
    return own;
  }

  #copy(topicName: string): CopyTarget {
    let copy = this.#copies.get(topicName);
    if (!copy) {
      const topic = this.#nameOf(topicName);
      copy = new CopyTarget({
        topic: topicName,
        append: (records) => this.append(topicName, records),
        position: async () => {
          const place = await this.#find(topicName);
          return copyPosition(place && (await readLastRecord(this.#client, topic, place)));
        },
        content: () => this.#content(topicName),
      });
      this.#copies.set(topicName, copy);
    }
    return copy;
  }

  async *#content(topicName: string): AsyncGenerator<readonly LogRecord[]> {
    const stop = new AbortController();
    try {
      for await (const batch of this.read(topicName, 0, stop.signal)) {
        if (batch.length === 0) return;
        yield batch;
      }
    } finally {
      stop.abort();
    }
  }

  async #find(topicName: string): Promise<TopicPlace | undefined> {
    this.#assertOpen();
    return this.#client.find(this.#nameOf(topicName));
  }

  #created(topic: string, until: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let waiting = this.#awaited.get(topic);
      if (!waiting) this.#awaited.set(topic, (waiting = new Set()));
      const set = waiting;
      set.add(resolve);
      until.addEventListener("abort", () => set.delete(resolve), { once: true });
    });
  }

  #nameOf(topicName: string): string {
    return `${this.#options.topicPrefix ?? ""}${topicName}`;
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new LogError("closed", "the log is closed");
  }
}
