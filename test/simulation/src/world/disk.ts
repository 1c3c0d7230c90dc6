import { closeSync, cpSync, existsSync, fstatSync, mkdirSync, openSync, readSync, rmSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./world.ts";
import { type World, currentWorld } from "./world.ts";

const pageBytes = 4_096;
const frameBytes = pageBytes + 24;

/** How much of an SQLite journal there is. */
interface JournalState {
  /** A journal that begins anew has another. https://sqlite.org/fileformat2.html#the_write_ahead_log */
  salt: string;
  frames: number;
}

interface Closeable {
  close(): void;
}

/** The disk of one machine: a real folder, and what of it a loss of power may take. */
export class Disk {
  readonly folder: string;
  readonly host: Host;
  full = false;
  /** What a sync takes at most. */
  slowMs = 3;
  /** What of each journal is safe. */
  readonly #synced = new Map<string, JournalState>();
  /** Files that were written and never synced. */
  readonly #dirty = new Set<string>();
  readonly #open = new Set<Closeable>();
  readonly #files = new Map<number, string>();

  constructor(root: string, host: Host) {
    this.folder = join(root, host.name);
    this.host = host;
    mkdirSync(this.folder, { recursive: true });
  }

  opened(file: number, path: string): void {
    this.#files.set(file, path);
  }

  closed(file: number): void {
    this.#files.delete(file);
  }

  database(one: Closeable): void {
    this.#open.add(one);
  }

  databaseClosed(one: Closeable): void {
    this.#open.delete(one);
  }

  wrote(path: string): void {
    this.#dirty.add(path);
  }

  synced(path: string): void {
    this.#dirty.delete(path);
  }

  renamed(from: string, to: string): void {
    if (this.#dirty.delete(from)) this.#dirty.add(to);
    else this.#dirty.delete(to);
  }

  /** What is in the file now is safe when the answer comes. */
  sync(file: number, done: (error: Error | null) => void): void {
    const world = currentWorld();
    const path = this.#files.get(file)!;
    const state = journalState(path);
    world.schedule(world.random.between(0.1, this.slowMs), () => {
      this.#synced.set(path, state);
      done(null);
    });
  }

  syncNow(file: number): void {
    const path = this.#files.get(file)!;
    this.#synced.set(path, journalState(path));
  }

  /** The process is gone: its files are as they are, the kernel has them. */
  released(): void {
    const open = [...this.#open];
    if (open.length === 0) return;
    // SQLite tidies up when it closes, which who is killed does not.
    const kept = `${this.folder}.kept`;
    cpSync(this.folder, kept, { recursive: true });
    for (const one of open) one.close();
    for (const file of this.#files.keys()) closeSync(file);
    this.#files.clear();
    this.#open.clear();
    rmSync(this.folder, { recursive: true });
    cpSync(kept, this.folder, { recursive: true });
    rmSync(kept, { recursive: true });
  }

  /** What was not synced is there or not, as it pleases; a page may be torn. After `released`. */
  losePower(world: World): void {
    for (const [path, { salt, frames }] of this.#synced) {
      if (!existsSync(path)) continue;
      const now = journalState(path);
      const safe = now.salt === salt ? frames : 0;
      if (now.frames <= safe) continue;
      const left = safe + world.random.below(now.frames - safe + 1);
      world.trace(`${this.host.name}: of ${now.frames} pages in the journal, of which ${safe} are synced, ${left} are left`);
      if (left < now.frames) tear(path, left, world.random.below(frameBytes));
    }
    for (const path of this.#dirty) {
      if (!existsSync(path) || !world.random.chance(0.5)) continue;
      world.trace(`${this.host.name}: ${path.slice(this.folder.length)} is empty: it was never synced`);
      truncateSync(path, 0);
    }
    this.#dirty.clear();
  }

  wipe(): void {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    this.#synced.clear();
    this.#dirty.clear();
  }

  keep(copy: string): void {
    rmSync(copy, { recursive: true, force: true });
    cpSync(this.folder, copy, { recursive: true });
  }

  restore(copy: string): void {
    this.wipe();
    cpSync(copy, this.folder, { recursive: true });
  }
}

/** Frames of the journal that belong to its present round. */
function journalState(path: string): JournalState {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const head = Buffer.alloc(32);
    readSync(file, head, 0, 32, 0);
    const salt = head.toString("hex", 16, 24);
    const own = Buffer.alloc(16);
    let frames = 0;
    while (32 + (frames + 1) * frameBytes <= size) {
      readSync(file, own, 0, 16, 32 + frames * frameBytes);
      if (own.toString("hex", 8, 16) !== salt) break;
      frames += 1;
    }
    return { salt, frames };
  } finally {
    closeSync(file);
  }
}

/** Leaves that many frames; of the next one so many bytes. */
function tear(path: string, frames: number, bytes: number): void {
  const file = openSync(path, "r+");
  try {
    const size = fstatSync(file).size;
    const from = 32 + frames * frameBytes + bytes;
    if (from >= size) return;
    // The first one is broken in its checksum, and what follows does not count then.
    const zeros = Buffer.alloc(Math.min(frameBytes, size - from));
    writeSync(file, zeros, 0, zeros.length, from);
    const broken = Buffer.alloc(8);
    writeSync(file, broken, 0, 8, 32 + frames * frameBytes + 16);
  } finally {
    closeSync(file);
  }
}
