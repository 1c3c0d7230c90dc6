import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { globalPorts, zonePorts } from "@atoll/demo/ports";
import { startStack, type Stack } from "@atoll/demo/stack";
import { takenPorts } from "@atoll/demo/taken-ports";
import { envoyBinary } from "@atoll/testkit/envoy";
import { pythonPackages } from "@atoll/testkit/python-packages";
import { rigEntry } from "./rig-folder.ts";

export interface RecordedRun {
  /** Of the recorded scenarios: has `rig.py`. */
  folder: string;
  /** For `rig.py check`. */
  rigOptions: readonly string[];
  /** Fresh folder for everything the run writes. */
  workDir: string;
  /** Ends the run early; everything is stopped all the same. */
  signal: AbortSignal;
  /** Receives the rig's output; without it, the output goes to this process's own. */
  onOutput?: (text: string) => void;
  onProgress?: (message: string) => void;
}

export interface RecordedResult {
  /** Of `rig.py check`; null if it was ended by a signal. */
  status: number | null;
  /** Folders with the logs of Atoll's services and of the rig's proxies. */
  logs: string[];
}

/** Where the rig looks for a control plane that it did not start itself. */
const bases = { global: 21_000, zones: { "zone-1": 21_100, "zone-2": 21_200 } };
const repository = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Starts Atoll where the rig expects a control plane, lets the rig run its scenarios against it, and stops all that was started,
 * however the run ends. `RIG_BIN` in the environment names other `kumactl` and `kuma-dp` than Atoll's own.
 */
export async function runRecorded(run: RecordedRun): Promise<RecordedResult> {
  const entry = rigEntry(run.folder);
  const say = run.onProgress ?? (() => {});
  const taken = await takenPorts(
    [bases.global, ...Object.values(bases.zones)].flatMap((base, index) =>
      Object.values(index === 0 ? globalPorts(base) : zonePorts(base)),
    ),
  );
  if (taken.length > 0) throw new Error(`ports in use: ${taken.join(", ")}. The rig needs 21000 to 29999; stop what listens there.`);

  const rigRun = join(run.workDir, "run");
  const logs = join(run.workDir, "logs");
  for (const folder of [rigRun, logs]) mkdirSync(folder, { recursive: true });
  const env = {
    ...process.env,
    ...pythonPackages("python-rig", "yaml", ["pyyaml"]),
    RIG_BIN: process.env["RIG_BIN"] ?? ownBinaries(run.workDir),
    RIG_ENVOY: envoyBinary(),
    RIG_RUN: rigRun,
    PYTHONUNBUFFERED: "1",
  };
  let stack: Stack | undefined;
  try {
    say("starting Atoll: global, tokens, zone-1 and zone-2");
    // What is asked about a stopped proxy was recorded when its Dataplane was gone, which nothing here waits for: within 8 s.
    const sooner = { ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS: "5000" };
    stack = await startStack({ workDir: join(run.workDir, "stack"), globalBase: bases.global, zones: bases.zones, env: sooner });
    run.signal.throwIfAborted();
    say("starting the rig's topology");
    const status = await python([entry, "check", ...run.rigOptions], env, run);
    return { status, logs: [logs, join(rigRun, "logs")] };
  } finally {
    await python([entry, "down"], env);
    for (const service of stack?.services ?? []) writeFileSync(join(logs, `${service.name}.log`), service.output());
    await stack?.close();
  }
}

/** A folder where Atoll's commands have the names that the rig calls. */
function ownBinaries(workDir: string): string {
  const folder = join(workDir, "bin");
  mkdirSync(folder, { recursive: true });
  for (const [name, own] of [
    ["kumactl", "atollctl"],
    ["kuma-dp", "atoll-dp"],
  ] as const) {
    symlinkSync(join(repository, "bin", own), join(folder, name));
  }
  return folder;
}

/** Resolves with the exit status, or null when a signal ended it. */
async function python(args: string[], env: NodeJS.ProcessEnv, run?: Pick<RecordedRun, "signal" | "onOutput">): Promise<number | null> {
  const piped = run?.onOutput !== undefined;
  const child: ChildProcess = spawn("python3", args, {
    cwd: dirname(args[0]!),
    env,
    stdio: ["ignore", piped ? "pipe" : "inherit", piped ? "pipe" : "inherit"],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => run!.onOutput!(text));
  // SIGINT is what a person would send, and Python cleans up after it.
  const end = () => void child.kill("SIGINT");
  run?.signal.addEventListener("abort", end);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", (error) => reject(new Error(`cannot run python3: ${error.message}`, { cause: error })));
      child.once("close", (code) => resolve(code));
    });
  } finally {
    run?.signal.removeEventListener("abort", end);
  }
}
