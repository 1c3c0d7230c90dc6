import { DatabaseSync } from "node:sqlite";
import { LogError, LogInUseError } from "./event-log.ts";

/** Marks the file as ours (`PRAGMA application_id`): "ATLL". */
const applicationId = 0x41544c4c;
const schemaVersion = 1;
/** SQLite goes back to the start of its journal once it has 1,000 pages of 4 KiB. https://sqlite.org/pragma.html#pragma_wal_autocheckpoint */
const journalBytes = 1_000 * 4_096;
const cache = "PRAGMA cache_size = -8000";

/**
 * Opens the file, takes it for this process alone and sets it up so that a committed transaction survives a crash of the machine.
 * The lock is the kernel's: it ends with the process, however that ends. https://sqlite.org/pragma.html#pragma_locking_mode
 */
export function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(path);
  } catch (error) {
    throw new LogError("unavailable", `cannot open the log ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    // Before the first access, so that no shared-memory file is made.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL");
    db.exec(cache);
    db.exec("BEGIN IMMEDIATE");
    const { application_id: application } = db.prepare("PRAGMA application_id").get() as { application_id: number };
    const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    const { count } = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
    if (application !== applicationId && count > 0) throw new LogError("unavailable", `${path} is not a log of Atoll`);
    if (version > schemaVersion)
      throw new LogError(
        "unavailable",
        `the log ${path} was written by a newer Atoll (format ${version}, this one knows ${schemaVersion})`,
      );
    db.exec(`PRAGMA application_id = ${applicationId}`);
    db.exec(`PRAGMA user_version = ${schemaVersion}`);
    db.exec("COMMIT");
    if (path !== ":memory:") reserveJournal(db);
    return db;
  } catch (error) {
    db.close();
    if (error instanceof LogError) throw error;
    const { errcode, message } = error as Error & { errcode?: number };
    // SQLITE_BUSY, https://sqlite.org/rescode.html#busy
    if (errcode !== undefined && (errcode & 0xff) === 5) {
      throw new LogInUseError("unavailable", `the log ${path} is in use by another process: one process owns an embedded log`, {
        cause: error,
      });
    }
    throw new LogError("unavailable", `cannot open the log ${path}: ${message}`, { cause: error });
  }
}

/**
 * Gives the journal its full size now. To sync a file that grows, the file system has to commit its own journal, and with it whatever
 * else waits to be written; a sync of bytes written over others takes half the time, and no more than that at its worst. The bytes
 * come from a transaction that does not fit into a small cache and is rolled back.
 */
function reserveJournal(db: DatabaseSync): void {
  db.exec("PRAGMA cache_size = 16");
  db.exec("BEGIN IMMEDIATE");
  db.exec("CREATE TABLE padding(value BLOB)");
  db.prepare("INSERT INTO padding VALUES (zeroblob(?))").run(journalBytes);
  db.exec("ROLLBACK");
  db.exec(cache);
  // A commit, so that the first append does not have to wait until all of it is on disk.
  db.exec(`PRAGMA user_version = ${schemaVersion}`);
}
