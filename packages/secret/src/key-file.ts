import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { SealingKey } from "./sealing-key.ts";
import { SecretError } from "./secret-error.ts";

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Readable by its owner only, on disk before it has its final name. */
async function writeTemporary(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

/**
 * Reads a key file; with `create` (the default) an absent one is made with a new key and mode 0600. Processes that start at the
 * same time agree on one key. Throws `SecretError` code "bad-key" if the file is absent (without `create`), unreadable or malformed.
 */
export async function loadSealingKey(path: string, options: { create?: boolean } = {}): Promise<SealingKey> {
  const read = async () => SealingKey.parse(await readFile(path, "utf8"), `key file ${path}`);
  try {
    return await read();
  } catch (error) {
    if (error instanceof SecretError) throw error;
    if (codeOf(error) !== "ENOENT") throw new SecretError("bad-key", `key file ${path} cannot be read: ${codeOf(error)}`, { cause: error });
    if (options.create === false) throw new SecretError("bad-key", `key file ${path} does not exist`);
  }
  const temporary = await writeTemporary(path, SealingKey.generate().export());
  try {
    // A link fails if the name is taken, so the first of several writers wins and no reader sees half a file.
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST")
      throw new SecretError("bad-key", `key file ${path} cannot be created: ${codeOf(error)}`, { cause: error });
  } finally {
    await unlink(temporary);
  }
  return read();
}

/** Replaces the key file, for a key received from elsewhere (a zone keeps the key it got at registration). */
export async function storeSealingKey(path: string, key: SealingKey): Promise<void> {
  await rename(await writeTemporary(path, key.export()), path);
}
