import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";

export interface Rotation {
  path: string;
  /** A file is put aside before it grows beyond this. */
  maxSizeBytes: number;
  /** How many files that were put aside stay; 0 = all. */
  maxRetainedFiles: number;
  /** How long they stay; 0 = for ever. */
  maxAgeMs: number;
}

/** `kuma-2021-06-07T09-15-18.265.log` */
const stampForm = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/;
const stampOf = (time: Date): string => time.toISOString().slice(0, -1).replaceAll(":", "-");
const timeOf = (stamp: string): number => Date.parse(`${stamp.slice(0, 11)}${stamp.slice(11).replaceAll("-", ":")}Z`);

/** A log file that is put aside under the time of that when it is full, as kuma-dp's; its owner alone may read it. Clock as an argument. */
export class RotatingFile {
  readonly #rotation: Rotation;
  readonly #now: () => Date;
  readonly #folder: string;
  readonly #ending: string;
  readonly #stem: string;
  #sizeBytes: number;

  /** @throws as the file system does */
  constructor(rotation: Rotation, now: () => Date) {
    this.#rotation = rotation;
    this.#now = now;
    this.#folder = dirname(rotation.path);
    this.#ending = extname(rotation.path);
    this.#stem = `${basename(rotation.path, this.#ending)}-`;
    mkdirSync(this.#folder, { recursive: true });
    appendFileSync(rotation.path, "", { mode: 0o600 });
    this.#sizeBytes = statSync(rotation.path).size;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes > this.#rotation.maxSizeBytes) this.#putAside();
    appendFileSync(this.#rotation.path, text, { mode: 0o600 });
    this.#sizeBytes += bytes;
  }

  #putAside(): void {
    const now = this.#now();
    renameSync(this.#rotation.path, join(this.#folder, `${this.#stem}${stampOf(now)}${this.#ending}`));
    this.#sizeBytes = 0;
    const { maxRetainedFiles, maxAgeMs } = this.#rotation;
    const newestFirst = readdirSync(this.#folder)
      .filter((name) => name.startsWith(this.#stem) && name.endsWith(this.#ending))
      .map((name) => ({ name, stamp: name.slice(this.#stem.length, name.length - this.#ending.length) }))
      .filter(({ stamp }) => stampForm.test(stamp))
      .toSorted((a, b) => (a.stamp < b.stamp ? 1 : -1));
    for (const [index, { name, stamp }] of newestFirst.entries()) {
      const tooMany = maxRetainedFiles > 0 && index >= maxRetainedFiles;
      const tooOld = maxAgeMs > 0 && now.getTime() - timeOf(stamp) > maxAgeMs;
      if (tooMany || tooOld) rmSync(join(this.#folder, name), { force: true });
    }
  }
}
