import { closeSync, fdatasync, fdatasyncSync, openSync } from "node:fs";

export interface Journal {
  /** Resolves when everything that is committed now is on disk. Undefined if it need not be waited for. */
  sync(): Promise<void> | undefined;
  /** The same, while nothing else happens. */
  syncNow(): void;
  close(): void;
}

/**
 * Puts a database's write-ahead log on disk beside the event loop: SQLite itself would stop it for as long as the disk takes. A commit that
 * SQLite does not sync is whole in that file when it returns; after the file is synced, a crash of the machine loses none of it.
 * https://sqlite.org/pragma.html#pragma_synchronous
 */
export class JournalSync implements Journal {
  readonly #file: number | undefined;

  /** `path` is the database's. Without one, there is nothing to sync. */
  constructor(path: string | undefined) {
    // SQLite locks the database's file alone: that this one is opened and closed a second time takes no lock away.
    this.#file = path === undefined ? undefined : openSync(`${path}-wal`, "r+");
  }

  sync(): Promise<void> | undefined {
    const file = this.#file;
    if (file === undefined) return undefined;
    return new Promise((resolve, reject) => fdatasync(file, (error) => (error ? reject(error) : resolve())));
  }

  syncNow(): void {
    if (this.#file !== undefined) fdatasyncSync(this.#file);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}
