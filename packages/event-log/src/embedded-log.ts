import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "./database.ts";
import type { AppendOptions, LogRecord, MirrorLog, MirrorOptions, NewRecord, TopicConfig, TopicDescription } from "./event-log.ts";
import { LogError, maxAppendBytes, recordBytes, withTerm } from "./event-log.ts";
import { TopicStore, topicTable } from "./topic-store.ts";
import type { TopicRow } from "./topic-store.ts";
import { UnsyncedTopics, currentBoot } from "./unsynced-topics.ts";

export interface EmbeddedLogOptions {
  /** The database file; made if absent. ":memory:" for a log that ends with the process. */
  path: string;
  /** How long a compacted topic keeps tombstones at least. Default: 24 hours. They go when something is appended after that time. */
  tombstoneRetentionMs?: number;
  /** Milliseconds since the epoch. */
  clock?: () => number;
  /** Names the time since the machine started. */
  boot?: string;
}

interface Write {
  topic: TopicStore;
  /** Needs no sync of its own. */
  unsynced: boolean;
  /** Runs inside the transaction and says what the writer is told. */
  run(now: number): unknown;
  resolve(value: never): void;
  reject(error: unknown): void;
}

/**
 * The log in one file, owned by one process. An append is acknowledged when SQLite has synced it; appends that arrive together share one
 * transaction and one sync. Copied records, which are safe at their source, and those that need not be durable are written without a
 * sync of their own. Followers are woken by the append itself. A compacted topic drops the older record of a key at the append of the newer.
 */
export class EmbeddedLog implements MirrorLog {
  private readonly db: DatabaseSync;
  private readonly topics = new Map<string, TopicStore>();
  private readonly followers = new Map<string, Set<() => void>>();
  private readonly unsynced: UnsyncedTopics;
  private readonly staged = new Map<string, LogRecord[]>();
  private readonly tombstoneRetentionMs: number;
  private readonly clock: () => number;
  private queue: Write[] = [];
  /** The waiting ones were passed by others once already. */
  private held = false;
  private closed = false;
  private syncing = true;

  /** Throws `LogError` "unavailable" if another process owns the file, or if it is not a log. */
  static async open(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
    return new EmbeddedLog(openDatabase(options.path), options);
  }

  private constructor(db: DatabaseSync, options: EmbeddedLogOptions) {
    this.db = db;
    this.tombstoneRetentionMs = options.tombstoneRetentionMs ?? 24 * 3_600_000;
    this.clock = options.clock ?? Date.now;
    db.exec(topicTable);
    this.unsynced = new UnsyncedTopics(db, options.boot ?? currentBoot());
    for (const row of db.prepare("SELECT * FROM topics").all() as unknown as TopicRow[]) this.topics.set(row.name, new TopicStore(db, row));
  }

  async ensureTopic(config: TopicConfig): Promise<void> {
    this.assertOpen();
    const existing = this.topics.get(config.name);
    if (existing) {
      if (existing.cleanup === config.cleanup) return;
      throw new LogError("topic-mismatch", `topic ${config.name} exists with cleanup "${existing.cleanup}", not "${config.cleanup}"`);
    }
    const incarnation = randomUUID();
    const { lastInsertRowid } = this.db
      .prepare("INSERT INTO topics(name, cleanup, head, tail, incarnation) VALUES (?, ?, 0, 0, ?)")
      .run(config.name, config.cleanup, incarnation);
    this.topics.set(config.name, new TopicStore(this.db, { id: Number(lastInsertRowid), ...config, head: 0, tail: 0, incarnation }));
    this.wake(config.name);
  }

  async append(topicName: string, records: readonly NewRecord[], { durable = true }: AppendOptions = {}): Promise<number[]> {
    const topic = this.writable(topicName, records);
    const isFirst = !durable && !this.unsynced.has(topic.id);
    return this.enqueue(
      topic,
      (now) => {
        if (isFirst) this.unsynced.add(topic.id);
        return records.map((record) => {
          const offset = topic.draftHead;
          topic.write({ offset, timestamp: now, key: record.key ?? null, value: record.value, headers: record.headers ?? {} });
          return offset;
        });
      },
      !durable && !isFirst,
    );
  }

  async appendMirror(topicName: string, records: readonly LogRecord[], options: MirrorOptions = {}): Promise<number> {
    const topic = this.writable(topicName, records);
    const { incarnation, replacement, term } = options;
    if (term !== undefined && term < topic.highestTerm()) {
      throw new LogError(
        "forbidden",
        `topic ${topicName} has records of a later writer (term ${topic.highestTerm()}, this one's is ${term})`,
      );
    }
    if (replacement) {
      if (replacement.first) this.staged.set(topicName, []);
      const content = this.staged.get(topicName);
      if (!content) throw new LogError("unavailable", `the replacement of ${topicName} was not begun here: begin again`);
      content.push(...records);
      if (!replacement.last) return topic.head;
      this.staged.delete(topicName);
      return this.enqueue(topic, () => {
        topic.replace(replacement.tail);
        if (incarnation) topic.adopt(incarnation);
        for (const record of content) topic.write(withTerm(record, term));
        return topic.draftHead;
      });
    }
    if (incarnation && topic.incarnation !== incarnation && topic.head > 0) {
      throw new LogError("topic-mismatch", `the copy of ${topicName} was made from another incarnation of its source`);
    }
    return this.enqueue(
      topic,
      () => {
        if (incarnation && topic.draftHead === 0) topic.adopt(incarnation);
        for (const record of records) if (record.offset >= topic.draftHead) topic.write(withTerm(record, term));
        return topic.draftHead;
      },
      true,
    );
  }

  /** Forgets everything before `offset`; beyond the head, the topic goes on at `offset`. */
  async truncateBefore(topicName: string, offset: number): Promise<void> {
    const topic = this.writable(topicName, []);
    await this.enqueue(topic, () => topic.truncateBefore(offset));
  }

  async *read(topicName: string, fromOffset: number, signal: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    let wake = (): void => {};
    const onChange = (): void => wake();
    const followers = this.followersOf(topicName);
    followers.add(onChange);
    signal.addEventListener("abort", onChange);
    try {
      let position = fromOffset;
      let caughtUp = false;
      let start: { generation: number; tail: number } | undefined;
      while (!signal.aborted) {
        this.assertOpen();
        const topic = this.topics.get(topicName);
        if (topic) {
          // Whoever replays a compacted topic from 0 needs nothing of what was dropped before.
          start ??= { generation: topic.generation, tail: topic.cleanup === "compact" && fromOffset === 0 ? topic.tail : 0 };
          if (topic.generation !== start.generation || (position < topic.tail && topic.tail > start.tail)) {
            throw new LogError("out-of-range", `${topicName} is held from offset ${topic.tail} on, the reader is at ${position}`);
          }
          const batch = topic.after(position);
          const last = batch.at(-1);
          if (last) {
            position = last.offset + 1;
            yield batch;
            continue;
          }
        }
        if (!caughtUp) {
          caughtUp = true;
          yield [];
          continue;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      followers.delete(onChange);
      signal.removeEventListener("abort", onChange);
    }
  }

  async head(topic: string): Promise<number> {
    return (await this.describe(topic)).head;
  }

  async tail(topic: string): Promise<number> {
    return (await this.describe(topic)).tail;
  }

  async describe(topicName: string): Promise<TopicDescription> {
    this.assertOpen();
    const topic = this.topics.get(topicName);
    if (!topic) return { head: 0, tail: 0, incarnation: "", cleanup: "keep", copy: { incarnation: "", head: 0 } };
    const { head, tail, incarnation, cleanup } = topic;
    return { head, tail, incarnation, cleanup, copy: { incarnation, head } };
  }

  /** Finishes the appends under way, ends all readers with "closed" and gives the file free. */
  async close(): Promise<void> {
    if (this.closed) return;
    while (this.queue.length > 0) this.flush();
    this.closed = true;
    this.syncCommits(true);
    this.unsynced.clear();
    this.db.close();
    for (const topic of this.followers.keys()) this.wake(topic);
  }

  private writable(topicName: string, records: readonly NewRecord[]): TopicStore {
    this.assertOpen();
    const topic = this.topics.get(topicName);
    if (!topic) throw new LogError("unknown-topic", `topic ${topicName} does not exist`);
    let bytes = 0;
    for (const record of records) {
      bytes += recordBytes(record);
      if (topic.cleanup === "compact" && typeof record.key !== "string") {
        throw new LogError("topic-mismatch", `topic ${topicName} is compacted: every record needs a key`);
      }
    }
    if (bytes > maxAppendBytes) throw new LogError("too-large", `append of ${bytes} bytes to ${topicName}: at most ${maxAppendBytes}`);
    return topic;
  }

  private enqueue<T>(topic: TopicStore, run: (now: number) => T, unsynced = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // After the sockets of this turn were read: what arrived together is synced together.
      if (this.queue.length === 0) setImmediate(() => this.flush());
      this.queue.push({ topic, unsynced, run, resolve, reject });
    });
  }

  /** What waits, but first what needs no sync: its readers have it before the disk is waited for. */
  private flush(): void {
    const waiting = this.queue;
    if (waiting.length === 0) return;
    const synced = new Set(waiting.filter((write) => !write.unsynced).map((write) => write.topic));
    const group = this.held ? [] : waiting.filter((write) => !synced.has(write.topic));
    this.held = group.length > 0 && synced.size > 0;
    if (!this.held) {
      this.queue = [];
      this.commit(waiting);
      return;
    }
    this.queue = waiting.filter((write) => synced.has(write.topic));
    this.commit(group);
    setImmediate(() => this.flush());
  }

  private commit(group: readonly Write[]): void {
    const touched = new Set(group.map((write) => write.topic));
    const answers: unknown[] = [];
    try {
      const now = this.clock();
      this.syncCommits(group.some((write) => !write.unsynced));
      this.db.exec("BEGIN IMMEDIATE");
      for (const write of group) answers.push(write.run(now));
      for (const topic of touched) {
        if (topic.cleanup === "compact") topic.expireTombstones(now - this.tombstoneRetentionMs);
        topic.store();
      }
      this.db.exec("COMMIT");
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      for (const topic of touched) {
        topic.settle(false);
        this.unsynced.forget(topic.id);
      }
      const failure = new LogError("unavailable", `the log could not store the append: ${(error as Error).message}`, { cause: error });
      for (const write of group) write.reject(failure);
      return;
    }
    for (const topic of touched) {
      topic.settle(true);
      this.wake(topic.name);
    }
    for (const [index, write] of group.entries()) write.resolve(answers[index] as never);
  }

  /**
   * FULL syncs each commit; NORMAL leaves it to the next synced one, and loses at most the newest commits when the machine (not the
   * process) crashes. https://sqlite.org/pragma.html#pragma_synchronous
   */
  private syncCommits(wanted: boolean): void {
    if (this.syncing === wanted) return;
    this.db.exec(`PRAGMA synchronous = ${wanted ? "FULL" : "NORMAL"}`);
    this.syncing = wanted;
  }

  private followersOf(topic: string): Set<() => void> {
    let followers = this.followers.get(topic);
    if (!followers) this.followers.set(topic, (followers = new Set()));
    return followers;
  }

  private wake(topic: string): void {
    for (const wake of this.followers.get(topic) ?? []) wake();
  }

  private assertOpen(): void {
    if (this.closed) throw new LogError("closed", "the log is closed");
  }
}
