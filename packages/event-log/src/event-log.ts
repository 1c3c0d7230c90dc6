/**
 * The port every log adapter implements: topics of one partition, records in one total order, each at its offset.
 * Adapters: `EmbeddedLog` (node:sqlite), `RelayLog` (gRPC to a process that owns a log), Kafka.
 */
export interface LogRecord {
  /** Position in its topic; grows, may have gaps after compaction. */
  offset: number;
  /** Milliseconds since the epoch, set by the log when it took the record. */
  timestamp: number;
  key: string | null;
  /** null = tombstone. */
  value: Uint8Array | null;
  headers: Readonly<Record<string, string>>;
}

export interface NewRecord {
  key?: string | null;
  value: Uint8Array | null;
  headers?: Readonly<Record<string, string>>;
}

export interface TopicConfig {
  name: string;
  /** "keep" = history is kept; "compact" = only the newest record of each key must be kept. */
  cleanup: "keep" | "compact";
}

export interface EventLog {
  /** Creates the topic if absent; refuses with `LogError` code "topic-mismatch" if it exists with another configuration. */
  ensureTopic(topic: TopicConfig): Promise<void>;
  /**
   * Appends atomically and in order; resolves when durable with the offset of each record.
   * Rejects with `LogError`: "unavailable" (retry later; the records may or may not be in the log), "forbidden", "too-large".
   */
  append(topic: string, records: readonly NewRecord[]): Promise<number[]>;
  /**
   * Replays from `fromOffset` (inclusive), then follows new records as they arrive, in batches, until `signal` aborts.
   * Survives loss of the connection behind it. An empty batch says "caught up with the head" and comes once, when it first is.
   */
  read(topic: string, fromOffset: number, signal: AbortSignal): AsyncIterable<readonly LogRecord[]>;
  /** Offset the next record will get (0 for an empty topic). */
  head(topic: string): Promise<number>;
  /** First offset still held: greater than a reader's position = that reader must start again from a snapshot. */
  tail(topic: string): Promise<number>;
  close(): Promise<void>;
}

export type LogErrorCode = "unavailable" | "forbidden" | "too-large" | "topic-mismatch" | "unknown-topic" | "closed";

export class LogError extends Error {
  override readonly name = "LogError";
  readonly code: LogErrorCode;
  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
  get canRetry(): boolean {
    return this.code === "unavailable";
  }
}

export const topics = {
  config: "atoll.config",
  configSnapshots: "atoll.config.snapshots",
  zone: (zone: string) => `atoll.zone.${zone}`,
  inventory: (zone: string) => `atoll.inventory.${zone}`,
} as const;
