import { execFile, spawn } from "node:child_process";
import { request } from "node:http";
import { constants } from "node:os";
import { promisify } from "node:util";
import { dialAddress } from "@atoll/resource";
import { endWithThisProcess } from "./end-with-this-process.ts";

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
  /** Of single components, as Envoy takes it; "" = none. */
  componentLogLevel: string;
  /** Worker threads; undefined = one for each CPU that this process may use. */
  concurrency: number | undefined;
  /** A folder to be removed if this process is killed. */
  temporary: string | undefined;
}

export interface RunningEnvoy {
  /** Never rejects. `status` is that of a shell: 128 and the signal's number if a signal ended it. */
  readonly exited: Promise<{ status: number; reason: string }>;
  kill(signal: NodeJS.Signals): void;
}

export function startEnvoy(options: EnvoyOptions): RunningEnvoy {
  const args = ["--config-path", options.configPath, "--drain-time-s", String(Math.max(1, Math.ceil(options.drainTimeS)))];
  args.push("--drain-strategy", "immediate", "--disable-hot-restart", "--log-level", options.logLevel);
  if (options.componentLogLevel !== "") args.push("--component-log-level", options.componentLogLevel);
  if (options.concurrency !== undefined) args.push("--concurrency", String(options.concurrency));
  else args.push("--cpuset-threads");
  const child = spawn(options.binary, args, { stdio: ["ignore", "inherit", "inherit"] });
  const dismiss = child.pid === undefined ? () => {} : endWithThisProcess(child.pid, options.temporary);
  const exited = new Promise<{ status: number; reason: string }>((resolve) => {
    child.on("error", (error) => resolve({ status: 1, reason: `Envoy did not start: ${error.message}` }));
    child.on("exit", (code, signal) => {
      const status = signal === null ? (code ?? 0) : 128 + constants.signals[signal];
      resolve({ status, reason: signal === null ? `Envoy ended with status ${status}` : `Envoy was ended by ${signal}` });
    });
  });
  void exited.then(dismiss);
  return { exited, kill: (signal) => void child.kill(signal) };
}

/** Makes Envoy's health check fail, so that its listeners drain and its callers leave. */
export const failHealthCheck = (admin: AdminAddress): Promise<void> => postAdmin(admin, "/healthcheck/fail");

/** Has callers leave by and by, without closing what they have open, and goes on running. */
export const drainInbounds = (admin: AdminAddress): Promise<void> => postAdmin(admin, "/drain_listeners?inboundonly&graceful&skip_exit");

interface AdminAddress {
  address: string;
  port: number;
}

function postAdmin(admin: AdminAddress, path: string): Promise<void> {
  return new Promise((resolve) => {
    const post = request({ host: dialAddress(admin.address), port: admin.port, path, method: "POST", timeout: 1_000 }, (response) => {
      response.resume();
      response.on("end", () => resolve());
    });
    // An Envoy that does not answer is ending anyway.
    post.on("error", () => resolve());
    post.on("timeout", () => post.destroy());
    post.end();
  });
}
