/**
 * Clusters to try things on, by hand:
 *
 *   npm run kubernetes -- build            builds Kubernetes, if that was not done on this machine yet
 *   npm run kubernetes -- up [NUMBER]      starts a cluster (default 1) that has the project's images; it stays until `down`, or for --minutes=60
 *   npm run kubernetes -- down [NUMBER]    ends it
 *
 * `up` prints the command that runs others within the cluster: `.atoll/kubernetes/1/in kubectl get pods --all-namespaces`.
 */
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { eventually } from "@atoll/testkit/eventually";
import { repositoryRoot } from "@atoll/testkit/kafka-jars";
import { Cluster } from "./cluster.ts";
import { clusterPrograms } from "./cluster-program.ts";
import { imageNames, packProjectImages } from "./images.ts";
import { prepareMachine } from "./machine.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "60" } },
  strict: false,
});
const [task = "", number = "1"] = positionals;
const home = join(repositoryRoot(), ".atoll", "kubernetes", number);
const note = (line: string) => console.error(line);

/** Starts a process that keeps the cluster, and waits for its word. */
async function up(): Promise<void> {
  if (isUp()) return note(`cluster ${number} is up: ${relative(process.cwd(), join(home, "in"))}`);
  prepareMachine();
  const { cluster, pause } = await clusterPrograms(note);
  const images = packProjectImages(pause, process.env["ENVOY_PATH"] ?? "envoy");
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const keeper = fork(fileURLToPath(import.meta.url), ["keep", number, `--minutes=${values.minutes}`], {
    detached: true,
    stdio: "ignore",
    execArgv: process.execArgv,
    env: { ...process.env, ATOLL_KEPT_CLUSTER: JSON.stringify({ program: cluster, images: [images] }) },
  });
  const word = await new Promise<{ report?: string; error?: string }>((resolve) => {
    keeper.once("message", (message) => resolve(message as { report?: string; error?: string }));
    keeper.once("exit", (code) => resolve({ error: `the keeper of the cluster ended with ${code}` }));
  });
  keeper.disconnect();
  keeper.unref();
  if (word.error) throw new Error(word.error);
  note(`${word.report}\n`);
  note(`cluster ${number} is up for ${values.minutes} minutes, with the images ${Object.values(imageNames).join(", ")}.`);
  note(`Run commands in it:   ${relative(process.cwd(), join(home, "in"))} kubectl get pods --all-namespaces`);
  note(`End it:               npm run kubernetes -- down ${number}`);
}

async function keep(): Promise<void> {
  const { program, images } = JSON.parse(process.env["ATOLL_KEPT_CLUSTER"]!) as { program: string; images: string[] };
  try {
    const cluster = await Cluster.start({ number: Number(number), program, images });
    writeFileSync(join(home, "pid"), String(process.pid));
    cluster.writeCommand(join(home, "in"));
    writeFileSync(join(home, "folder"), cluster.plan.folder);
    process.send!({ report: cluster.startReport });
    await Promise.race([delay(Number(values.minutes) * 60_000), new Promise((resolve) => process.once("SIGTERM", resolve))]);
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
    process.exit(0);
  } catch (error) {
    process.send!({ error: (error as Error).message });
    process.exit(1);
  }
}

function keeperPid(): number | undefined {
  const file = join(home, "pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined;
}

function isUp(): boolean {
  const pid = keeperPid();
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

async function down(): Promise<void> {
  if (!isUp()) return note(`cluster ${number} is not up`);
  process.kill(keeperPid()!, "SIGTERM");
  await eventually(() => !existsSync(home), { limitMs: 30_000, everyMs: 50 });
  note(`cluster ${number} is gone`);
}

const tasks: Record<string, () => Promise<void>> = {
  build: async () => {
    prepareMachine();
    note(`built: ${(await clusterPrograms(note)).cluster}`);
  },
  up,
  down,
  keep,
};
if (!tasks[task]) {
  console.error("usage: npm run kubernetes -- build | up [NUMBER] [--minutes=60] | down [NUMBER]");
  process.exit(2);
}
// What goes on in children ends with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) if (task !== "keep") process.once(signal, () => process.exit(1));
try {
  await tasks[task]();
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
