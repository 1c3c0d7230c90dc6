import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder is no rig; the message says what is missing. */
export class RigFolderError extends Error {
  override readonly name = "RigFolderError";
}

/** Absolute path of the rig's entry. */
export function rigEntry(folder: string): string {
  const entry = join(resolve(folder), "rig.py");
  if (!existsSync(entry)) throw new RigFolderError(`${resolve(folder)} is no folder of recorded scenarios: it has no rig.py`);
  return entry;
}

/** Names of the scenarios in the folder, in the order they run. */
export function scenarioNames(folder: string): string[] {
  return readdirSync(join(folder, "scenarios"))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}
