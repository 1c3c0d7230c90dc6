import { spawnSync } from "node:child_process";
import { ensureCommand } from "./ensure-command.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { startProcess } from "./process.ts";
import type { StartedProcess } from "./process.ts";
import type { PemPair } from "./self-signed-pair.ts";

export interface RedisServerOptions {
  password?: string;
  /** Serve TLS only, with this certificate. */
  tls?: PemPair;
  /** As a cluster of this one node, which owns all slots. */
  cluster?: boolean;
}

/** A Redis of one test's own. */
export interface RedisServer extends AsyncDisposable {
  /** `redis://` or `rediss://`, with the password. */
  readonly url: string;
  /** SIGKILL: it forgets everything. */
  kill(): Promise<void>;
  /** After `kill`: again at the same address, empty. */
  start(): Promise<void>;
  /** What `redis-cli` prints for a command; not over TLS. */
  command(...args: string[]): string;
  close(): Promise<void>;
}

/** `$REDIS_URL`, which others may use, too, or else a server of the caller's own. */
export async function startRedis(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const given = process.env["REDIS_URL"];
  return given ? { url: given, close: async () => {} } : startRedisServer();
}

/** Starts `redis-server` of the PATH, which is installed from the distribution's packages if it is not there and we may. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  ensureCommand(
    "redis-server",
    ["--version"],
    "redis-server",
    "no Redis: put redis-server on the PATH (Debian's package redis-server), or give REDIS_URL=redis://host:port of a running one",
  );
  const folder = mkdtempSync(join(tmpdir(), "atoll-redis-"));
  const port = await freePort();
  const args = ["--port", String(options.tls ? 0 : port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  if (options.password) args.push("--requirepass", options.password);
  if (options.cluster) args.push("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1");
  if (options.tls) {
    writeFileSync(join(folder, "tls.crt"), options.tls.certificatePem);
    writeFileSync(join(folder, "tls.key"), options.tls.privateKeyPem, { mode: 0o600 });
    args.push("--tls-port", String(port), "--tls-cert-file", join(folder, "tls.crt"), "--tls-key-file", join(folder, "tls.key"));
    args.push("--tls-ca-cert-file", join(folder, "tls.crt"), "--tls-auth-clients", "no");
  }
  let server: StartedProcess | undefined;
  const start = async (): Promise<void> => {
    server = await startProcess("redis-server", args, { readyWhen: /Ready to accept connections/ });
  };
  const kill = async (): Promise<void> => {
    server?.signal("SIGKILL");
    await server?.exited;
  };
  const close = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  await start();
  const secret = options.password ? `:${options.password}@` : "";
  const command = (...words: string[]): string => {
    const auth = options.password ? ["--no-auth-warning", "-a", options.password] : [];
    const { status, stdout, stderr } = spawnSync("redis-cli", ["-p", String(port), ...auth, ...words], { encoding: "utf8" });
    if (status !== 0) throw new Error(`redis-cli ${words[0]}: ${stderr}${stdout}`);
    return stdout.trim();
  };
  if (options.cluster) command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  const url = `${options.tls ? "rediss" : "redis"}://${secret}localhost:${port}`;
  return { url, kill, start, command, close, [Symbol.asyncDispose]: close };
}
