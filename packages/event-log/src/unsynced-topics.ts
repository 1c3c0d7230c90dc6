import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";

/** Names the time since the machine started; another name when it cannot be told, so that a crash is never overlooked. */
export function currentBoot(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return randomUUID();
  }
}

/**
 * Remembers in the database which topics may lose their newest records when the machine crashes. After such a crash they get another
 * incarnation: offsets may be given a second time, and whoever read the lost records must not go on behind them.
 */
export class UnsyncedTopics {
  readonly #db: DatabaseSync;
  readonly #boot: string;
  readonly #topics: Set<number>;

  /** Gives topics another incarnation where that is due, so before they are read from the database. */
  constructor(db: DatabaseSync, boot: string) {
    this.#db = db;
    this.#boot = boot;
    db.exec("CREATE TABLE IF NOT EXISTS unsynced (topic INTEGER PRIMARY KEY, boot TEXT NOT NULL) STRICT");
    const rows = db.prepare("SELECT topic, boot FROM unsynced").all() as { topic: number; boot: string }[];
    this.#topics = new Set(rows.filter((row) => row.boot === boot).map(({ topic }) => topic));
    const crashed = rows.filter((row) => row.boot !== boot);
    if (crashed.length === 0) return;
    db.exec("BEGIN IMMEDIATE");
    for (const { topic } of crashed) db.prepare("UPDATE topics SET incarnation = ? WHERE id = ?").run(randomUUID(), topic);
    db.prepare("DELETE FROM unsynced WHERE boot <> ?").run(boot);
    db.exec("COMMIT");
  }

  has(topic: number): boolean {
    return this.#topics.has(topic);
  }

  /** Inside a transaction that is synced. */
  add(topic: number): void {
    this.#db.prepare("INSERT OR REPLACE INTO unsynced(topic, boot) VALUES (?, ?)").run(topic, this.#boot);
    this.#topics.add(topic);
  }

  /** The transaction that may have added it was undone. */
  forget(topic: number): void {
    this.#topics.delete(topic);
  }

  /** Before the database is closed in order, and with that synced. */
  clear(): void {
    if (this.#topics.size > 0) this.#db.exec("DELETE FROM unsynced");
    this.#topics.clear();
  }
}
