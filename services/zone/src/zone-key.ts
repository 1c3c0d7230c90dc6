import { existsSync } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { loadSealingKey, SealingKey, type SealedBytes } from "@atoll/secret";

const context = "the zone sealing key of this checkpoint";

/** What a zone must remember to serve alone after a restart: who it is, which cluster it belongs to, and the key that opens its secrets. */
export interface ZoneCheckpoint {
  /** Absent: not known; older versions did not write it. */
  zone?: string;
  clusterId: string;
  key: SealingKey;
}

/** Keeps the checkpoint beside the zone's log. The key in it is sealed with a key file of this machine (`checkpoint.key`, mode 0600). */
export class ZoneKeyStore {
  readonly #file: string;
  readonly #lock: SealingKey;

  private constructor(file: string, lock: SealingKey) {
    this.#file = file;
    this.#lock = lock;
  }

  static async open(workDir: string): Promise<ZoneKeyStore> {
    return new ZoneKeyStore(join(workDir, "checkpoint.json"), await loadSealingKey(join(workDir, "checkpoint.key")));
  }

  async read(): Promise<ZoneCheckpoint | undefined> {
    if (!existsSync(this.#file)) return undefined;
    const stored = JSON.parse(await readFile(this.#file, "utf8")) as { zone?: string; clusterId: string; key: SealedBytes };
    const { zone, clusterId } = stored;
    return { zone, clusterId, key: SealingKey.parse(Buffer.from(this.#lock.open(stored.key, context)).toString("utf8")) };
  }

  async write(checkpoint: ZoneCheckpoint): Promise<void> {
    const sealed = this.#lock.seal(Buffer.from(checkpoint.key.export()), context);
    const { zone, clusterId } = checkpoint;
    const file = await open(`${this.#file}.new`, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify({ zone, clusterId, key: sealed }));
      // A name that is on disk before its content would be an empty file after a loss of power, and the zone could not start.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#file}.new`, this.#file);
  }
}
