import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "./database.ts";
import { type Journal, JournalSync } from "./journal-sync.ts";
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
  /** What puts commits on disk. Default: that of the file. */
  journal?: Journal;
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
 * The log in one file, owned by one process. An append is acknowledged, and seen by readers, when it is on disk; what arrives while the disk
 * is busy shares one transaction and one sync. Copied records, which are safe at their source, and those that need not be durable are written without a
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
  private readonly journal: Journal;
  private queue: Write[] = [];
  private isDue = false;
  /** What is written and on its way to the disk. */
  private syncing: { topics: ReadonlySet<TopicStore>; done: Promise<void> } | undefined;
  private closing: Promise<void> | undefined;
  private closed = false;
  /** The disk did not take what was written: nobody knows what it holds until the log is opened anew. */
  private failure: LogError | undefined;

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
    // From now on commits are synced here.
    db.exec("PRAGMA synchronous = NORMAL");
    this.journal = options.journal ?? new JournalSync(options.path === ":memory:" ? undefined : options.path);
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
    this.journal.syncNow();
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
        if (!caughtUp && !(topic && position < topic.head)) {
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
  close(): Promise<void> {
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    while (this.queue.length > 0 || this.syncing) {
      this.flush();
      await this.syncing?.done;
    }
    this.closed = true;
    this.journal.close();
    this.db.exec("PRAGMA synchronous = FULL");
    if (!this.failure) this.unsynced.clear();
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
      this.queue.push({ topic, unsynced, run, resolve, reject });
      this.flushSoon();
    });
  }

  /** After the sockets of this turn were read: what arrived together is synced together. */
  private flushSoon(): void {
    if (this.isDue) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      this.flush();
    });
  }

  /** Writes what needs no sync, whatever the disk does meanwhile; and the rest when the sync before is done, all with one. */
  private flush(): void {
    const held = new Set(this.syncing?.topics);
    for (const write of this.queue) if (!write.unsynced) held.add(write.topic);
    const free = this.queue.filter(({ topic }) => !held.has(topic));
    if (free.length > 0) {
      this.queue = this.queue.filter(({ topic }) => held.has(topic));
      const answers = this.commit(free);
      if (answers) this.settle(free, answers);
    }
    if (this.syncing || this.queue.length === 0) return;
    const group = this.queue;
    this.queue = [];
    const answers = this.commit(group);
    if (!answers) return;
    const synced = this.journal.sync();
    if (!synced) return this.settle(group, answers);
    const done = synced.then(
      () => {
        this.syncing = undefined;
        this.settle(group, answers);
        if (this.queue.length > 0) this.flushSoon();
      },
      (error: unknown) => this.fail(group, error as Error),
    );
    this.syncing = { topics: new Set(group.map(({ topic }) => topic)), done };
  }

  /** What the writers are told when it counts; undefined if nothing of it was written, which they know then. */
  private commit(group: readonly Write[]): unknown[] | undefined {
    const touched = new Set(group.map((write) => write.topic));
    const answers: unknown[] = [];
    try {
      const now = this.clock();
      this.db.exec("BEGIN IMMEDIATE");
      for (const write of group) answers.push(write.run(now));
      for (const topic of touched) {
        if (topic.cleanup === "compact") topic.expireTombstones(now - this.tombstoneRetentionMs);
        topic.store();
      }
      this.db.exec("COMMIT");
      return answers;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      for (const topic of touched) {
        topic.settle(false);
        this.unsynced.forget(topic.id);
      }
      const failure = new LogError("unavailable", `the log could not store the append: ${(error as Error).message}`, { cause: error });
      for (const write of group) write.reject(failure);
      return undefined;
    }
  }

  private settle(group: readonly Write[], answers: readonly unknown[]): void {
    for (const topic of new Set(group.map((write) => write.topic))) {
      topic.settle(true);
      this.wake(topic.name);
    }
    for (const [index, write] of group.entries()) write.resolve(answers[index] as never);
  }

  private fail(group: readonly Write[], error: Error): void {
    this.failure = new LogError("unavailable", `the disk did not take what was appended: ${error.message}`, { cause: error });
    this.syncing = undefined;
    for (const write of [...group, ...this.queue]) write.reject(this.failure);
    this.queue = [];
    for (const topic of this.followers.keys()) this.wake(topic);
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
    if (this.failure) throw this.failure;
  }
}
