import { connectBroker, parseAddress } from "./kafka-connection.ts";
import type { BrokerAddress, BrokerConnection, KafkaConnectionOptions } from "./kafka-connection.ts";
import { toLogError } from "./kafka-errors.ts";
import { metadataKey, metadataRequest, metadataVersion } from "./kafka-metadata.ts";
import type { TopicMetadata } from "./kafka-metadata.ts";
import { LogError } from "./event-log.ts";

const unknownTopic = 3;
const topicForbidden = 29;
const callTimeoutMs = 10_000;

/** A topic that exists and has a leader. */
export interface TopicPlace {
  id: string;
  partitions: number;
  leader: BrokerAddress;
  brokers: number;
}

const earliest = -2;
const latest = -1;

/** Questions to the brokers, each once: who asks decides about asking again. Failures are `LogError`s. */
export class KafkaClient {
  readonly options: KafkaConnectionOptions;
  readonly #seeds: readonly BrokerAddress[];
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  #nextSeed = 0;
  #closed = false;

  constructor(options: KafkaConnectionOptions) {
    if (options.brokers.length === 0) throw new Error("no broker is given");
    this.options = options;
    this.#seeds = options.brokers.map(parseAddress);
  }

  /** The topic, or undefined if it does not exist. */
  async find(topic: string): Promise<TopicPlace | undefined> {
    const metadata = await this.#metadata(topic);
    if (metadata.errorCode === unknownTopic) return undefined;
    if (metadata.errorCode === topicForbidden) throw new LogError("forbidden", `Kafka does not let this principal describe topic ${topic}`);
    if (!metadata.leader) throw new LogError("unavailable", `topic ${topic} has no leader at present`);
    return { ...metadata, leader: metadata.leader };
  }

  /** How many brokers are up; `topic` need not exist. */
  async brokerCount(topic: string): Promise<number> {
    return (await this.#metadata(topic)).brokers;
  }

  /** A connection of the caller's own, that it closes. */
  dial(address: BrokerAddress): Promise<BrokerConnection> {
    return connectBroker(this.options, address).catch((error: unknown) => Promise.reject(this.#failure(error, address)));
  }

  async range(topic: string, place: TopicPlace): Promise<{ low: number; high: number }> {
    const [low, high] = await Promise.all([this.offsetAt(topic, place, earliest), this.offsetAt(topic, place, latest)]);
    return { low, high };
  }

  /** Offset of the first record that was appended at `timestamp` or later; -1 = none was. */
  async offsetAt(topic: string, place: TopicPlace, timestamp: number): Promise<number> {
    const request = { replicaId: -1, isolationLevel: 0, topics: [{ topic, partitions: [{ partition: 0, timestamp }] }] };
    const { responses } = await this.call(({ broker }) => broker.listOffsets(request), place.leader);
    return Number(responses[0]!.partitions[0]!.offset);
  }

  /** Without an address: any broker. */
  async call<T>(run: (connection: BrokerConnection) => Promise<T>, address?: BrokerAddress): Promise<T> {
    if (this.#closed) throw new LogError("closed", "the log is closed");
    const addresses = address ? [address] : this.#seeds.map((_, index) => this.#seeds[(this.#nextSeed + index) % this.#seeds.length]!);
    let failure: LogError | undefined;
    for (const candidate of addresses) {
      try {
        return await this.#callAt(candidate, run);
      } catch (error) {
        failure = this.#failure(error, candidate);
        if (!failure.canRetry) throw failure;
        this.#nextSeed += 1;
      }
    }
    throw failure!;
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.then(({ close }) => close()).catch(() => undefined);
    this.#connections.clear();
  }

  async #metadata(topic: string): Promise<TopicMetadata> {
    return this.call(async ({ broker, send }) => {
      const newest = broker.versions[metadataKey]?.maxVersion ?? 0;
      if (newest < metadataVersion) throw new LogError("topic-mismatch", "this Kafka is too old: 3.0 or later is needed");
      return send(metadataRequest(topic));
    });
  }

  async #callAt<T>(address: BrokerAddress, run: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    const name = `${address.host}:${address.port}`;
    const connection = await this.#connected(name, address);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${callTimeoutMs} ms`)), callTimeoutMs);
    });
    try {
      return await Promise.race([run(connection), late]);
    } catch (error) {
      if (toLogError(error, "").canRetry) this.#drop(name, connection);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #connected(name: string, address: BrokerAddress): Promise<BrokerConnection> {
    const present = await this.#connections.get(name);
    if (present?.broker.isConnected()) return present;
    if (present) this.#drop(name, present);
    let made = this.#connections.get(name);
    if (!made) {
      made = connectBroker(this.options, address);
      this.#connections.set(name, made);
      made.catch(() => this.#connections.get(name) === made && this.#connections.delete(name));
    }
    const connection = await made;
    if (this.#closed) connection.close();
    return connection;
  }

  #drop(name: string, connection: BrokerConnection): void {
    connection.close();
    this.#connections.delete(name);
  }

  #failure(error: unknown, { host, port }: BrokerAddress): LogError {
    if (this.#closed) return new LogError("closed", "the log is closed");
    return toLogError(error, `Kafka at ${host}:${port}`);
  }
}
