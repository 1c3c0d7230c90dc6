import { execFile, spawn, type ChildProcess } from "node:child_process";
import { request } from "node:http";
import { promisify } from "node:util";

export interface EnvoyVersion {
  /** Such as 1.40.0. */
  version: string;
  /** `envoy --version` from its commit on. */
  build: string;
}

/** Runs `envoy --version`, whose last word is commit/version/status/type/ssl. */
export async function envoyVersion(binary: string): Promise<EnvoyVersion> {
  let output: string;
  try {
    output = (await promisify(execFile)(binary, ["--version"])).stdout;
  } catch (error) {
    throw new Error(`cannot run Envoy at "${binary}" (--binary-path, ENVOY_PATH): ${(error as Error).message}`);
  }
  const build = output.trim().split(/\s+/).at(-1) ?? "";
  const parts = build.split("/");
  if (parts.length !== 5)
    throw new Error(`"${binary} --version" gave "${output.trim()}", which does not end in five parts separated by slashes`);
  return { version: parts[1]!, build };
}

export interface EnvoyOptions {
  binary: string;
  configPath: string;
  drainTimeS: number;
  logLevel: string;
  concurrency: number | undefined;
}

export function startEnvoy(options: EnvoyOptions): ChildProcess {
  const args = [
    "--config-path",
    options.configPath,
    "--drain-time-s",
    String(Math.max(1, Math.ceil(options.drainTimeS))),
    "--drain-strategy",
    "immediate",
  ];
  args.push("--disable-hot-restart", "--log-level", options.logLevel);
  if (options.concurrency !== undefined) args.push("--concurrency", String(options.concurrency));
  else args.push("--cpuset-threads");
  const child = spawn(options.binary, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (child.pid !== undefined) endWithThisProcess(child.pid);
  return child;
}

/** An Envoy without its supervisor would hold its ports for ever: a small shell waits for this process's end, however it comes. */
function endWithThisProcess(pid: number): void {
  const watcher = spawn("sh", ["-c", 'cat >/dev/null; kill -9 "$1" 2>/dev/null', "sh", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watcher.on("error", () => undefined);
  watcher.unref();
}

/** Makes Envoy's health check fail, so that its listeners drain and its callers leave. */
export function failHealthCheck(adminPort: number): Promise<void> {
  return new Promise((resolve) => {
    const post = request({ host: "127.0.0.1", port: adminPort, path: "/healthcheck/fail", method: "POST", timeout: 1_000 }, (response) => {
      response.resume();
      response.on("end", () => resolve());
    });
    // An Envoy that does not answer is ending anyway.
    post.on("error", () => resolve());
    post.on("timeout", () => post.destroy());
    post.end();
  });
}
