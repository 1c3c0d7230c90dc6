import type { Producer } from "kafkajs";
import { Backoff } from "./backoff.ts";
import { LogError, maxAppendBytes, recordBytes } from "./event-log.ts";
import type { LogRecord, NewRecord, TopicConfig } from "./event-log.ts";
import { openKafka } from "./kafka-connection.ts";
import type { KafkaConnectionOptions } from "./kafka-connection.ts";
import { toLogError } from "./kafka-errors.ts";
import type { OwnAppends } from "./kafka-own-appends.ts";
import { pause } from "./pause.ts";

interface WaitingAppend {
  records: readonly NewRecord[];
  bytes: number;
  resolve(offsets: number[]): void;
  reject(error: LogError): void;
}

interface OpenProducer {
  producer: Producer;
  giveUp: () => void;
}

export interface KafkaWriterOptions {
  connection: KafkaConnectionOptions;
  /** As Kafka names it. */
  topic: string;
  /** Asked before the first append, and after each failure. Throws "unknown-topic". */
  cleanup: () => Promise<TopicConfig["cleanup"]>;
  /** For this process's readers of the topic. */
  own: OwnAppends;
  /** How long brokers may be away before an append is given up. */
  timeoutMs: number;
}

/** What Kafka adds to a record, generously. */
const recordOverheadBytes = 64;

/**
 * Appends to one topic with an idempotent producer: repeated by kafkajs after a lost connection, stored once. One request at a time;
 * what is appended in the meantime goes together with the next, as one batch, and a batch is stored as a whole or not at all.
 */
export class KafkaWriter {
  readonly #options: KafkaWriterOptions;
  readonly #waiting: WaitingAppend[] = [];
  readonly #closing = new AbortController();
  #busy = false;
  #producer: OpenProducer | undefined;
  /** What the present append is held up by. */
  #trouble = "";
  #cleanup: TopicConfig["cleanup"] | undefined;

  constructor(options: KafkaWriterOptions) {
    this.#options = options;
  }

  append(records: readonly NewRecord[], bytes: number): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes: bytes + recordOverheadBytes * records.length, resolve, reject });
      if (!this.#busy) void this.#drain();
    });
  }

  /** What waits is refused with "closed"; what is under way may still get into the log. */
  close(): void {
    this.#closing.abort();
    this.#dropProducer();
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const group = takeGroup(this.#waiting);
      const failure = await this.#sendWithin(group).catch((error: unknown) => this.#failure(error));
      if (!failure) continue;
      for (const append of group) append.reject(failure);
      // They had been waiting for the same brokers.
      if (failure.canRetry || failure.code === "closed") for (const append of this.#waiting.splice(0)) append.reject(failure);
    }
    this.#busy = false;
  }

  async #sendWithin(group: WaitingAppend[]): Promise<void> {
    const { timeoutMs, own } = this.#options;
    let stored: readonly LogRecord[] | undefined;
    own.begin();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => reject(new LogError("closed", "the log is closed"));
    this.#closing.signal.addEventListener("abort", giveUp);
    const stop = new AbortController();
    this.#trouble = "no answer";
    const timer = setTimeout(() => {
      const uncertain = "the records may or may not be in the log";
      reject(
        new LogError("unavailable", `${this.#options.topic} could not be appended to for ${timeoutMs} ms (${this.#trouble}); ${uncertain}`),
      );
    }, timeoutMs);
    try {
      if (this.#closing.signal.aborted) giveUp();
      stored = await Promise.race([late, this.#send(group, stop.signal)]);
    } catch (error) {
      // The sequence number of what failed must not be given to something else: brokers would take that for the former, come again.
      this.#dropProducer();
      this.#cleanup = undefined;
      throw error;
    } finally {
      own.end(stored);
      clearTimeout(timer);
      stop.abort();
      this.#closing.signal.removeEventListener("abort", giveUp);
    }
  }

  /** The records as they are in the log, where the broker says so. */
  async #send(group: WaitingAppend[], signal: AbortSignal): Promise<readonly LogRecord[] | undefined> {
    const backoff = new Backoff({ firstMs: 10, maxMs: 500 });
    while (!signal.aborted) {
      try {
        this.#cleanup ??= await this.#options.cleanup();
        this.#producer ??= await this.#openProducer(signal);
        break;
      } catch (error) {
        const failure = this.#failure(error);
        if (!failure.canRetry) throw failure;
        this.#trouble = failure.message;
        await pause(backoff.next(), signal);
      }
    }
    if (signal.aborted || !this.#producer) return undefined;
    const sound = group.filter((append) => this.#accepts(append));
    if (sound.length === 0) return undefined;
    const { topic } = this.#options;
    const records = sound.flatMap((append) => append.records);
    const [answer] = await this.#producer.producer.sendBatch({
      acks: -1,
      timeout: 10_000,
      topicMessages: [{ topic, messages: records.map(toMessage) }],
    });
    let next = Number(answer!.baseOffset);
    const stored = storedRecords(records, next, Number(answer!.logAppendTime ?? -1));
    for (const append of sound) append.resolve(append.records.map(() => next++));
    return stored;
  }

  /** Kafka would refuse the whole group for one record without a key. */
  #accepts(append: WaitingAppend): boolean {
    if (this.#cleanup !== "compact" || append.records.every(({ key }) => typeof key === "string")) return true;
    append.reject(new LogError("topic-mismatch", `topic ${this.#options.topic} is compacted: every record needs a key`));
    return false;
  }

  async #openProducer(signal: AbortSignal): Promise<OpenProducer> {
    // More tries than fit into the time allowed: that is what ends them.
    const retry = { initialRetryTime: 5, maxRetryTime: 500, retries: 60 };
    const { kafka, giveUp } = openKafka(this.#options.connection, retry, (reason) => (this.#trouble = reason));
    signal.addEventListener("abort", giveUp);
    const producer = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: () => () => 0,
    });
    try {
      await producer.connect();
    } catch (error) {
      giveUp();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
    return { producer, giveUp };
  }

  #dropProducer(): void {
    this.#producer?.giveUp();
    this.#producer = undefined;
  }

  #failure(error: unknown): LogError {
    if (this.#closing.signal.aborted) return new LogError("closed", "the log is closed");
    return toLogError(error, `appending to ${this.#options.topic}`);
  }
}

const toMessage = ({ key, value, headers }: NewRecord) => ({
  key: key ?? null,
  value: value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  headers: { ...headers },
});

/** The records as the log has them; undefined where the broker does not say, as of some that it was sent twice. */
function storedRecords(records: readonly NewRecord[], first: number, timestamp: number): readonly LogRecord[] | undefined {
  if (first < 0 || timestamp < 0) return undefined;
  return records.map(({ key = null, value, headers = {} }, index) => ({ offset: first + index, timestamp, key, value, headers }));
}

/** The longest run of waiting appends that fits one batch. */
function takeGroup(waiting: WaitingAppend[]): WaitingAppend[] {
  let bytes = 0;
  let count = 0;
  for (const append of waiting) {
    bytes += append.bytes;
    if (count > 0 && bytes > maxAppendBytes) break;
    count += 1;
  }
  return waiting.splice(0, count);
}

/** Throws "too-large". */
export function appendBytes(topic: string, records: readonly NewRecord[]): number {
  const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
  if (bytes > maxAppendBytes) throw new LogError("too-large", `append of ${bytes} bytes to ${topic}: at most ${maxAppendBytes}`);
  return bytes;
}
