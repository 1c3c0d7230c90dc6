// The parts of kafkajs 2.2.4 below its public API that the Kafka log needs: its consumer is a group member, and a log reader must not be
// one (no group to join for seconds, no offset reset behind its back). The version is pinned; kafkajs has been frozen since 2023.
// https://github.com/tulios/kafkajs/tree/v2.2.4/src

declare module "kafkajs/src/network/connectionPool.js" {
  export interface KafkaProtocol<Answer> {
    request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<unknown> };
    response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<Answer> };
    /** Milliseconds. */
    requestTimeout?: number;
  }
  export interface KafkaWire {
    send<Answer>(protocol: KafkaProtocol<Answer>): Promise<Answer>;
  }
  export default class ConnectionPool {
    constructor(options: object);
    getConnection(index?: number): Promise<KafkaWire>;
  }
}

declare module "kafkajs/src/broker/index.js" {
  import type ConnectionPool from "kafkajs/src/network/connectionPool.js";
  interface PartitionOffset {
    partition: number;
    /** Decimal; "-1" = none. */
    offset: string;
  }
  interface ConfigEntry {
    configName: string;
    configValue: string | null;
  }
  export default class Broker {
    constructor(options: { connectionPool: ConnectionPool; logger: unknown; allowAutoTopicCreation: boolean });
    readonly connectionPool: ConnectionPool;
    /** By API key, after `connect`. */
    readonly versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>>;
    connect(): Promise<void>;
    isConnected(): boolean;
    listOffsets(request: {
      replicaId: number;
      isolationLevel: number;
      topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
    }): Promise<{ responses: { topic: string; partitions: PartitionOffset[] }[] }>;
    createTopics(request: {
      topics: { topic: string; numPartitions: number; replicationFactor: number; configEntries: { name: string; value: string }[] }[];
      timeout: number;
    }): Promise<unknown>;
    describeConfigs(request: {
      resources: { type: number; name: string; configNames: string[] }[];
    }): Promise<{ resources: { configEntries: ConfigEntry[] }[] }>;
    createAcls(request: { acl: object[] }): Promise<unknown>;
  }
}

declare module "kafkajs/src/protocol/requests/fetch/index.js" {
  import type { KafkaProtocol } from "kafkajs/src/network/connectionPool.js";
  export interface FetchedRecord {
    offset: string;
    timestamp: string;
    key: Buffer | null;
    value: Buffer | null;
    headers: Record<string, Buffer | Buffer[] | null>;
    isControlRecord: boolean;
  }
  export interface FetchAnswer {
    responses: { partitions: { highWatermark: string; messages: FetchedRecord[] }[] }[];
  }
  interface FetchRequest {
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    rackId: string;
    topics: { topic: string; partitions: { partition: number; fetchOffset: number; maxBytes: number }[] }[];
  }
  const fetch: { protocol(options: { version: 11 }): (request: FetchRequest) => KafkaProtocol<FetchAnswer> };
  export default fetch;
}

declare module "kafkajs/src/protocol/encoder.js" {
  export default class Encoder {
    writeInt8(value: number): this;
    writeInt32(value: number): this;
    writeBoolean(value: boolean): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string | null): this;
    writeBuffer(value: Buffer): this;
  }
}

declare module "kafkajs/src/protocol/decoder.js" {
  export default class Decoder {
    constructor(payload: Buffer);
    readInt16(): number;
    readInt32(): number;
    readBoolean(): boolean;
    readBytes(length: number): Buffer;
    readUVarIntString(): string | null;
    readUVarIntArray<Item>(read: (decoder: Decoder) => Item): Item[];
    readTaggedFields(): unknown;
  }
}

declare module "kafkajs/src/network/requestQueue/index.js" {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests(): void;
  }
}
