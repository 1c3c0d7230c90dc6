import { spawn } from "node:child_process";
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "@atoll/testkit/eventually";
import { ApiClient } from "./api-client.ts";
import { serveLoadBalancers } from "./load-balancers.ts";
import { apiServer, everythingElse, storageAndContainers, type Part } from "./parts.ts";
import { nodeName, pathsOf, planCluster } from "./plan.ts";

// Runs the parts of a cluster within its namespaces: `node supervisor.ts FOLDER NAME NUMBER IMAGES...`. Says "ready" when pods can be made.
// A part that ends is started again, as on any node; its process id is in FOLDER/pids.
const [, , folder, name, number, ...images] = process.argv as string[];
const plan = planCluster(Number(number), folder!, name!);
const startedAt = performance.now();
const limit = { limitMs: 120_000, everyMs: 50 };

function run(part: Part): void {
  const log = openSync(join(pathsOf(plan).logs, `${part.name}.log`), "a");
  const child = spawn(part.command, part.args, { stdio: ["ignore", log, log], env: { ...process.env, ...part.env } });
  child.once("error", (error) => say(`${part.name} cannot be started: ${error.message}`));
  child.once("exit", (code, signal) => {
    say(`${part.name} ended with ${code ?? signal}, and starts again`);
    setTimeout(() => run(part), 200);
  });
  if (child.pid) writeFileSync(join(plan.folder, "pids", part.name), String(child.pid));
}

function say(what: string): void {
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${what}`);
}

/** Asks containerd, in the namespace of a kubelet's containers. */
async function containers(...args: string[]): Promise<true> {
  const child = spawn("ctr", ["-n", "k8s.io", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`ctr ${args.join(" ")}: ${said}`);
  return true;
}

async function importImages(): Promise<void> {
  await eventually(() => containers("version"), { ...limit, everyMs: 200 });
  for (const image of images) await containers("images", "import", image);
  say(`${images.length} archives of images are in`);
}

async function startEverything(): Promise<void> {
  mkdirSync(join(plan.folder, "pids"), { recursive: true });
  for (const part of storageAndContainers(plan)) run(part);
  run(apiServer(plan));
  const api = new ApiClient(plan);
  await Promise.all([importImages(), eventually(() => api.ask("/readyz"), limit).then(() => say("the API server is ready"))]);
  for (const part of everythingElse(plan)) run(part);
  await eventually(async () => isReady(JSON.parse(await api.ask(`/api/v1/nodes/${nodeName}`))), limit);
  say("the node is ready");
  await eventually(() => api.ask("/api/v1/namespaces/default/serviceaccounts/default"), limit);
  void keep(() => serveLoadBalancers(plan, api));
  console.log("ready");
}

function isReady(node: { status: { conditions: { type: string; status: string }[] } }): boolean {
  return node.status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** A watch ends with its connection. */
async function keep(watch: () => Promise<void>): Promise<never> {
  for (;;) {
    await watch().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

startEverything().catch((error: Error) => {
  say(`failed: ${error.message}`);
  process.exit(1);
});
