import { readFileSync, watch } from "node:fs";
import { dirname } from "node:path";
import { expandPath } from "./paths.ts";
import { SettingsError } from "./settings.ts";

/** A token given as text or as a file; a file is read again at each call, so that a renewed one is used without a restart. */
export function optionalTokenSource(
  { token, tokenFile }: { token?: string; tokenFile?: string },
  setting: string,
): (() => string) | undefined {
  if (tokenFile !== undefined) {
    const path = expandPath(tokenFile);
    const read = () => readFileSync(path, "utf8").trim();
    try {
      read();
    } catch (error) {
      throw new SettingsError(`${setting}File: cannot read ${path}: ${(error as Error).message}`);
    }
    return read;
  }
  return token === undefined ? undefined : () => token;
}

/** As `optionalTokenSource`, of a service that is nothing without. */
export function tokenSource(options: { token?: string; tokenFile?: string }, setting: string): () => string {
  const source = optionalTokenSource(options, setting);
  if (source !== undefined) return source;
  throw new SettingsError(
    `${setting} or ${setting}File is required: generate one with \`atollctl generate zone-token --zone NAME --scope cp --valid-for 720h\``,
  );
}

/**
 * Calls `onChange` when the file of `tokenSource` holds another token than before; never for a token given as text. Watches the
 * folder, since files are renewed by being replaced.
 */
export function watchTokenFile(options: { tokenFile?: string }, onChange: () => void): { close(): void } {
  if (options.tokenFile === undefined) return { close: () => undefined };
  const path = expandPath(options.tokenFile);
  let last = readToken(path);
  const watcher = watch(dirname(path), { persistent: false }, () => {
    const now = readToken(path);
    if (now === undefined || now === "" || now === last) return;
    last = now;
    onChange();
  });
  // A folder that goes away ends the watching, not the process.
  watcher.on("error", () => watcher.close());
  return { close: () => watcher.close() };
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
