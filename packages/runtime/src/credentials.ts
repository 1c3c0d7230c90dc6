import { readFileSync } from "node:fs";
import { expandPath } from "./paths.ts";
import { SettingsError } from "./settings.ts";

/** A token given as text or as a file; a file is read again at each call, so that a renewed one is used without a restart. */
export function tokenSource(options: { token?: string; tokenFile?: string }, setting: string): () => string {
  const { token, tokenFile } = options;
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
  if (token !== undefined) return () => token;
  throw new SettingsError(
    `${setting} or ${setting}File is required: generate one with \`atollctl generate zone-token --zone NAME --scope cp --valid-for 720h\``,
  );
}
