/**
 * The port every log adapter implements: topics of one partition, records in one total order, each at its offset.
 * Adapters: `EmbeddedLog` (node:sqlite), `KafkaLog`, `RelayLog` (gRPC to a process that owns or reaches a log).
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

export interface AppendOptions {
  /**
   * Default true. False, for what its writer tells anew in any case (heartbeats, what is observed): the records survive the end of the
   * process, and after a crash of the machine the newest may be missing. A log may store them as safely as others.
   */
  durable?: boolean;
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
  append(topic: string, records: readonly NewRecord[], options?: AppendOptions): Promise<number[]>;
  /**
   * Replays from `fromOffset` (inclusive), then follows new records as they arrive, in batches, until `signal` aborts.
   * Survives loss of the connection behind it. An empty batch says "caught up with the head" and comes once, when it first is.
   * A topic that does not exist yet reads as empty. Reading beyond the head waits for that offset.
   * Throws `LogError`: "out-of-range" (records the reader needs are no longer held: it must start again, from 0 or, where history was
   * cut, from a snapshot), "forbidden", "closed". Reading a compacted topic from 0 is always possible.
   */
  read(topic: string, fromOffset: number, signal: AbortSignal): AsyncIterable<readonly LogRecord[]>;
  /** Offset the next record will get (0 for an empty or absent topic). */
  head(topic: string): Promise<number>;
  /** First offset still held: greater than a reader's position = that reader must start again from a snapshot. */
  tail(topic: string): Promise<number>;
  close(): Promise<void>;
}

export type LogErrorCode = "unavailable" | "forbidden" | "too-large" | "topic-mismatch" | "unknown-topic" | "out-of-range" | "closed";

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

/** Another process owns the log. */
export class LogInUseError extends LogError {}

/** What a mirror needs beyond the port, of its source (`describe`, `read`) and of its target (`describe`, `appendMirror`). */
export interface MirrorLog extends EventLog {
  describe(topic: string): Promise<TopicDescription>;
  /**
   * Stores records of another log and resolves with the source's offset that is expected next; records below that are skipped. A log that
   * gives its own offsets (Kafka) remembers the source's, the others store the records at them.
   * They survive the end of the process; after a crash of the machine the newest may be missing, and are copied again.
   * Rejects with "topic-mismatch" if the copy was made from another incarnation of the source.
   */
  appendMirror(topic: string, records: readonly LogRecord[], options?: MirrorOptions): Promise<number>;
}

export interface TopicDescription extends TopicPosition {
  /** Names one life of a topic: made anew (a wiped disk) = another. A copy has that of its source. "" = the topic does not exist. */
  incarnation: string;
  cleanup: TopicConfig["cleanup"];
  /** How far the copying of another log into this topic has come, in the offsets of that log. */
  copy: CopyPosition;
}

export interface CopyPosition {
  /** Of the source. "" = nothing was copied, as far as is known. */
  incarnation: string;
  /** The source's offset that is expected next. */
  head: number;
}

export interface TopicPosition {
  head: number;
  tail: number;
}

export interface MirrorOptions {
  incarnation?: string;
  /**
   * Of the writer, where several may write one topic and the log decides which of them is believed: noted on every record that is
   * written (`termOf`). A log that sees a greater one in the topic may refuse with "forbidden".
   */
  term?: number;
  /**
   * The records are a part of a new content that replaces the old one at once when the last part is in. Readers in the middle of the old
   * content get "out-of-range". `tail` = first offset the source still holds.
   */
  replacement?: { first: boolean; last: boolean; tail: number };
}

/** Name of the header with the writer's term. */
export const termHeader = "atoll-term";

/** Of the writer of this record; 0 where nobody is elected. */
export const termOf = (record: Pick<NewRecord, "headers">): number => Number(record.headers?.[termHeader] ?? 0);

/** The record as a writer of this term writes it. */
export const withTerm = <Kind extends NewRecord>(record: Kind, term: number | undefined): Kind =>
  term === undefined ? record : { ...record, headers: { ...record.headers, [termHeader]: String(term) } };

/** An append larger than this is refused with "too-large". Sum of keys, values and headers. */
export const maxAppendBytes = 8 * 1024 * 1024;

export function recordBytes(record: NewRecord): number {
  let bytes = (record.value?.byteLength ?? 0) + (record.key?.length ?? 0);
  if (record.headers) for (const [name, value] of Object.entries(record.headers)) bytes += name.length + value.length;
  return bytes;
}

export const topics = {
  config: "atoll.config",
  configSnapshots: "atoll.config.snapshots",
  zone: (zone: string) => `atoll.zone.${zone}`,
  inventory: (zone: string) => `atoll.inventory.${zone}`,
  /** What the instances of global observe, and tell each other. */
  global: "atoll.global",
  /** Which of a zone's sync services writes the other two. */
  lease: (zone: string) => `atoll.lease.${zone}`,
} as const;

/** The configuration every process expects of a topic of Atoll, by its name. */
export function topicConfig(name: string): TopicConfig {
  return { name, cleanup: name === topics.config ? "keep" : "compact" };
}
