import type { DatabaseSync, StatementSync } from "node:sqlite";
import { termHeader, termOf } from "./event-log.ts";
import type { LogRecord, TopicConfig } from "./event-log.ts";
import { RecentRecords } from "./recent-records.ts";

const batchRecords = 500;
const batchBytes = 1024 * 1024;

interface Row {
  offset: number;
  timestamp: number;
  key: string | null;
  value: Uint8Array | null;
  headers: string | null;
}

const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

const toRecord = (row: Row): LogRecord => ({
  offset: row.offset,
  timestamp: row.timestamp,
  key: row.key,
  value: row.value,
  headers: row.headers === null ? noHeaders : (JSON.parse(row.headers) as Record<string, string>),
});

function batchOf(records: Iterable<LogRecord>): readonly LogRecord[] {
  const batch: LogRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    batch.push(record);
    bytes += record.value?.byteLength ?? 0;
    if (batch.length >= batchRecords || bytes >= batchBytes) break;
  }
  return batch;
}

function newestOfEachKey(records: readonly LogRecord[]): readonly LogRecord[] {
  const newest = new Map(records.map(({ key, offset }) => [key, offset]));
  return newest.size === records.length ? records : records.filter(({ key, offset }) => newest.get(key) === offset);
}

export interface TopicRow {
  id: number;
  name: string;
  cleanup: TopicConfig["cleanup"];
  head: number;
  tail: number;
  incarnation: string;
}

export const topicTable = `CREATE TABLE IF NOT EXISTS topics (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cleanup TEXT NOT NULL, head INTEGER NOT NULL, tail INTEGER NOT NULL, incarnation TEXT NOT NULL
) STRICT`;

/**
 * The rows of one topic, in a table of its own whose rowid is the offset. Writes belong to the transaction the log has open: readers see
 * them after `settle(true)`.
 */
export class TopicStore {
  readonly id: number;
  readonly name: string;
  readonly cleanup: TopicConfig["cleanup"];
  head: number;
  tail: number;
  incarnation: string;
  /** Grows when the content is replaced: who was reading the old one must start again. */
  generation = 0;
  /** Written and not settled: the database is ahead of what readers may see. */
  isUnsettled = false;

  private readonly recent = new RecentRecords();

  private draft: { head: number; tail: number; incarnation: string; written: LogRecord[]; replaced: boolean };
  private oldestTombstoneAt: number;
  private highest: number | undefined;
  private readonly insert: StatementSync;
  private readonly select: StatementSync;
  private readonly supersede: StatementSync;
  private readonly position: StatementSync;
  private readonly db: DatabaseSync;

  constructor(db: DatabaseSync, row: TopicRow) {
    this.db = db;
    this.id = row.id;
    this.name = row.name;
    this.cleanup = row.cleanup;
    this.head = row.head;
    this.tail = row.tail;
    this.incarnation = row.incarnation;
    this.draft = this.freshDraft();
    const table = `records_${row.id}`;
    db.exec(`CREATE TABLE IF NOT EXISTS ${table} (
      offset INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, key TEXT, value BLOB, headers TEXT) STRICT`);
    if (row.cleanup === "compact") {
      db.exec(`CREATE INDEX IF NOT EXISTS ${table}_key ON ${table}(key)`);
      db.exec(`CREATE INDEX IF NOT EXISTS ${table}_tombstones ON ${table}(timestamp) WHERE value IS NULL`);
    }
    this.insert = db.prepare(`INSERT INTO ${table}(offset, timestamp, key, value, headers) VALUES (?, ?, ?, ?, ?)`);
    this.select = db.prepare(`SELECT offset, timestamp, key, value, headers FROM ${table} WHERE offset >= ? ORDER BY offset`);
    this.supersede = db.prepare(`DELETE FROM ${table} WHERE key = ? AND offset < ?`);
    this.position = db.prepare("UPDATE topics SET head = ?, tail = ?, incarnation = ? WHERE id = ?");
    this.oldestTombstoneAt = this.findOldestTombstone();
  }

  /** Next offset as this transaction sees it. */
  get draftHead(): number {
    return this.draft.head;
  }

  /** The greatest term of a writer that the topic has seen, as far as its records tell. */
  highestTerm(): number {
    if (this.highest !== undefined) return this.highest;
    let highest = 0;
    const rows = this.db.prepare(`SELECT DISTINCT headers FROM records_${this.id} WHERE headers LIKE '%${termHeader}%'`).iterate();
    for (const { headers } of rows as Iterable<unknown> as Iterable<{ headers: string }>) {
      highest = Math.max(highest, termOf({ headers: JSON.parse(headers) as Record<string, string> }));
    }
    return (this.highest = highest);
  }

  write(record: LogRecord): void {
    if (this.highest !== undefined) this.highest = Math.max(this.highest, termOf(record));
    const headers = Object.keys(record.headers).length === 0 ? null : JSON.stringify(record.headers);
    this.insert.run(record.offset, record.timestamp, record.key, record.value, headers);
    if (this.cleanup === "compact") {
      this.supersede.run(record.key, record.offset);
      if (record.value === null) this.oldestTombstoneAt = Math.min(this.oldestTombstoneAt, record.timestamp);
    }
    this.draft.head = record.offset + 1;
    this.draft.written.push(record);
  }

  /** Drops tombstones written before `before`: who has not read past them by then must start again. */
  expireTombstones(before: number): void {
    if (this.oldestTombstoneAt >= before) return;
    const table = `records_${this.id}`;
    const newest = this.db.prepare(`SELECT max(offset) AS at FROM ${table} WHERE value IS NULL AND timestamp < ?`).get(before) as {
      at: number | null;
    };
    this.db.prepare(`DELETE FROM ${table} WHERE value IS NULL AND timestamp < ?`).run(before);
    if (newest.at !== null) this.draft.tail = Math.max(this.draft.tail, newest.at + 1);
    this.oldestTombstoneAt = this.findOldestTombstone();
  }

  /** A tail beyond the head moves the head with it: a copy may begin where its source's history begins. */
  truncateBefore(offset: number): void {
    this.db.prepare(`DELETE FROM records_${this.id} WHERE offset < ?`).run(offset);
    this.draft.tail = Math.max(this.draft.tail, offset);
    this.draft.head = Math.max(this.draft.head, offset);
  }

  /** Takes the identity of a copy's source; only while the topic is empty or about to be replaced. */
  adopt(incarnation: string): void {
    this.draft.incarnation = incarnation;
  }

  /** Empties the topic; the caller writes the new content in the same transaction. */
  replace(tail: number): void {
    this.db.exec(`DELETE FROM records_${this.id}`);
    this.draft.head = tail;
    this.draft.tail = tail;
    this.draft.written = [];
    this.draft.replaced = true;
    this.oldestTombstoneAt = Infinity;
  }

  /** Last step inside the transaction; `settle` has to follow. */
  store(): void {
    this.isUnsettled = true;
    // Nobody reads the old content on: whoever resumes below this point starts again.
    if (this.draft.replaced && this.cleanup === "compact") this.draft.tail = this.draft.head;
    this.position.run(this.draft.head, this.draft.tail, this.draft.incarnation, this.id);
  }

  settle(committed: boolean): void {
    this.isUnsettled = false;
    if (committed) {
      this.head = this.draft.head;
      this.tail = this.draft.tail;
      this.incarnation = this.draft.incarnation;
      if (this.draft.replaced) this.generation += 1;
      if (this.draft.replaced) this.recent.clear();
      this.recent.add(this.draft.written);
    } else {
      this.oldestTombstoneAt = this.findOldestTombstone();
    }
    this.draft = this.freshDraft();
  }

  /** Records from `position` on, as many as make a batch; none = the head is reached, or what is there can be seen when all is settled. */
  after(position: number): readonly LogRecord[] {
    if (position >= this.head) return [];
    const recent = position < this.tail ? undefined : this.recent.from(position);
    if (recent) return batchOf(this.cleanup === "compact" ? newestOfEachKey(recent) : recent);
    return this.isUnsettled ? [] : batchOf(this.stored(position));
  }

  private *stored(position: number): Generator<LogRecord> {
    for (const row of this.select.iterate(position) as Iterable<unknown>) yield toRecord(row as Row);
  }

  private freshDraft() {
    return { head: this.head, tail: this.tail, incarnation: this.incarnation, written: [], replaced: false };
  }

  private findOldestTombstone(): number {
    if (this.cleanup !== "compact") return Infinity;
    const row = this.db.prepare(`SELECT min(timestamp) AS at FROM records_${this.id} WHERE value IS NULL`).get() as { at: number | null };
    return row.at ?? Infinity;
  }
}
