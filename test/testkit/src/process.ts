import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

export interface StartProcessOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Resolve only once the output matches; fail if the process ends before. */
  readyWhen?: RegExp;
  readyLimitMs?: number;
}

export interface StartedProcess extends AsyncDisposable {
  readonly pid: number;
  /** Standard output and standard error so far, in the order they came. */
  output(): string;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
  stop(graceMs?: number): Promise<number | NodeJS.Signals>;
}

/**
 * Starts a process whose output is kept. It never outlives the tests: `await using` stops it, and if this process
 * itself is killed, a small shell notices and kills what is left.
 */
export async function startProcess(command: string, args: readonly string[], options: StartProcessOptions = {}): Promise<StartedProcess> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env }, cwd: options.cwd });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => chunks.push(chunk));
  }
  const output = () => chunks.join("");
  const exited = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`cannot start ${command}: ${error.message}`, { cause: error })));
    child.once("close", (code, signal) => resolve(code ?? signal ?? 0));
  });
  exited.catch(() => undefined);
  if (child.pid === undefined) await exited;
  const pid = child.pid!;
  reaper().stdin!.write(`+ ${pid}\n`);
  const forget = () => void reaper().stdin!.write(`- ${pid}\n`);
  exited.then(forget, forget);

  const stop = async (graceMs = 2_000) => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  };
  const started: StartedProcess = {
    pid,
    output,
    exited,
    signal: (name) => void child.kill(name),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
  if (options.readyWhen) {
    try {
      await outputMatches(child, started, options.readyWhen, options.readyLimitMs ?? 10_000);
    } catch (error) {
      await stop();
      throw error;
    }
  }
  return started;
}

function outputMatches(child: ChildProcess, started: StartedProcess, pattern: RegExp, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`${reason}; its output:\n${started.output()}`));
    const timer = setTimeout(() => fail(`no ${pattern} in the output within ${limitMs} ms`), limitMs);
    const look = () => {
      if (!pattern.test(started.output())) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout!.on("data", look);
    child.stderr!.on("data", look);
    started.exited.then((code) => {
      clearTimeout(timer);
      fail(`process ended with ${code} before it was ready`);
    }, reject);
    look();
  });
}

// Reads "+ pid" and "- pid" lines; when its input ends, this process is gone, and what is still listed must go too.
const reaperScript = `
live=" "
while read -r sign pid; do
  if [ "$sign" = "+" ]; then live="$live$pid "; else live=$(printf '%s' "$live" | sed "s/ $pid / /"); fi
done
for pid in $live; do kill -9 "$pid" 2>/dev/null; done`;

let reaperProcess: ChildProcess | undefined;

function reaper(): ChildProcess {
  if (!reaperProcess) {
    // Its own process group, so that Ctrl-C in the terminal does not end it before its work.
    reaperProcess = spawn("sh", ["-c", reaperScript], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    reaperProcess.unref();
    (reaperProcess.stdin as unknown as { unref(): void }).unref();
    reaperProcess.stdin!.on("error", () => undefined);
  }
  return reaperProcess;
}
