import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { writeClusterFiles } from "./cluster-files.ts";
import { pathsOf, planCluster, type ClusterPlan } from "./plan.ts";

const inner = fileURLToPath(new URL("../sandbox/inner.sh", import.meta.url));
const supervisor = fileURLToPath(new URL("supervisor.ts", import.meta.url));
const controlGroups = "/sys/fs/cgroup";

export interface ClusterOptions {
  /** 1 to 250: its addresses are 10.<number>.0.0/16. */
  number?: number;
  /** The program of all parts (`clusterPrograms`). */
  program: string;
  /** Archives that are imported (`packProjectImages`). */
  images: readonly string[];
  /** Where it keeps what it writes, until it ends. */
  folder?: string;
}

export interface Answer {
  status: number;
  stdout: string;
  stderr: string;
}

/**
 * A whole Kubernetes on this machine: API server, controllers, scheduler, a kubelet with containerd and real pods, a proxy for Services,
 * DNS, addresses for load balancers. It has namespaces of its own (network, mounts, processes), so that nothing of it is seen outside and
 * all of it ends with it, and with the process that started it.
 */
export class Cluster {
  readonly plan: ClusterPlan;
  readonly #sandbox: StartedProcess;
  /** The first process of the namespaces, as this side knows it. */
  readonly #first: number;
  #isStopped = false;

  private constructor(plan: ClusterPlan, sandbox: StartedProcess, first: number) {
    this.plan = plan;
    this.#sandbox = sandbox;
    this.#first = first;
  }

  /** Resolves when pods can be made. Throws with the end of what the parts said. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), "atoll-kube-"));
    mkdirSync(folder, { recursive: true });
    const name = `atoll-${createHash("sha256").update(folder).digest("hex").slice(0, 12)}`;
    const plan = planCluster(options.number ?? 1, folder, name);
    removeControlGroups(name);
    writeClusterFiles(plan, options.program);
    const node = [process.execPath, "--conditions=@atoll/source", "--disable-warning=ExperimentalWarning"];
    const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"];
    const parts = [...node, supervisor, folder, name, String(plan.number), ...options.images];
    try {
      const sandbox = await startProcess("unshare", [...namespaces, inner, folder, name, plan.nodeAddress, ...parts], {
        readyWhen: /^ready$/m,
        readyLimitMs: 180_000,
        env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
      });
      const first = Number(readFileSync(`/proc/${sandbox.pid}/task/${sandbox.pid}/children`, "utf8").trim().split(" ")[0]);
      return new Cluster(plan, sandbox, first);
    } catch (error) {
      const said = logsOf(plan);
      await removeAll(plan);
      throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
    }
  }

  /** How long each step of the start took. */
  get startReport(): string {
    return this.#sandbox.output();
  }

  /** The end of what each part said. */
  get logs(): string {
    return logsOf(this.plan);
  }

  /** Before a command: runs it within the cluster, as a process of its node. */
  get inside(): readonly string[] {
    const enter = ["nsenter", "--target", String(this.#first), "--mount", "--pid", "--net", "--uts", "--ipc", `--wdns=${process.cwd()}`];
    const paths = pathsOf(this.plan);
    return [...enter, "env", `KUBECONFIG=${paths.adminConfig}`, `PATH=${paths.programs}:${process.env["PATH"]}:/usr/sbin:/sbin`];
  }

  /** Before a command: runs it on this machine, in the network of the cluster's node, as a host beside the cluster would. */
  get besideNode(): readonly string[] {
    return ["nsenter", "--target", String(this.#first), "--net"];
  }

  /** Runs a command within the cluster, with `input` as its standard input. Throws if it fails, unless told not to. */
  async run(command: readonly string[], options: { input?: string; mayFail?: boolean; limitMs?: number } = {}): Promise<Answer> {
    const [enter, ...args] = [...this.inside, ...command] as [string, ...string[]];
    const child = spawn(enter, args, { stdio: ["pipe", "pipe", "pipe"], timeout: options.limitMs ?? 120_000 });
    const answer = { status: 0, stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (answer.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (answer.stderr += chunk));
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    answer.status = await new Promise((resolve, reject) => child.once("error", reject).once("close", (code) => resolve(code ?? 1)));
    if (answer.status !== 0 && !options.mayFail) throw new Error(`${command.join(" ")}: ${answer.stderr || answer.stdout}`);
    return answer;
  }

  /** What kubectl prints. */
  async kubectl(...args: string[]): Promise<string> {
    return (await this.run(["kubectl", ...args])).stdout;
  }

  /** Applies a text of YAML documents. */
  async apply(documents: string, ...args: string[]): Promise<string> {
    return (await this.run(["kubectl", "apply", ...args, "-f", "-"], { input: documents })).stdout;
  }

  /** An object, as kubectl has it. */
  async get<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl("get", ...args, "-o", "json")) as T;
  }

  /** Ends a part of the cluster at once (`etcd`, `kube-apiserver`, …); the node starts it again. */
  async kill(part: string): Promise<void> {
    const pid = readFileSync(join(this.plan.folder, "pids", part), "utf8");
    await this.run(["kill", "-KILL", pid]);
  }

  /** Lets the pods and load balancers of both clusters reach each other, as if a network lay between. */
  async join(other: Cluster): Promise<void> {
    const [here, there] = [this.plan, other.plan];
    const link = (to: ClusterPlan) => `to-${to.number}`;
    await this.run(["ip", "link", "add", link(there), "type", "veth", "peer", "name", link(here)]);
    // The peer is made here and moved by who sees both.
    const { pid } = { pid: String(other.#first) };
    const moved = spawnSync("nsenter", ["--target", String(this.#first), "--net", "ip", "link", "set", link(here), "netns", pid], {
      encoding: "utf8",
    });
    if (moved.status !== 0) throw new Error(`cannot join two clusters: ${moved.stderr}`);
    for (const [cluster, from, to] of [
      [this, here, there],
      [other, there, here],
    ] as const) {
      await cluster.run(["ip", "link", "set", link(to), "up"]);
      const route = [`10.${to.number}.0.0/16`, "via", to.nodeAddress, "dev", link(to), "onlink", "src", from.nodeAddress];
      await cluster.run(["ip", "route", "add", ...route]);
    }
  }

  /** Ends everything and removes what it wrote. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    process.kill(this.#first, "SIGKILL");
    await this.#sandbox.exited.catch(() => undefined);
    await removeAll(this.plan);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** A command file that runs its arguments within the cluster. */
  writeCommand(path: string): void {
    const quoted = this.inside.map((word) => (word.startsWith("--wdns=") ? '--wdns="$PWD"' : `'${word}'`));
    writeFileSync(path, `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`, { mode: 0o755 });
  }
}

function logsOf(plan: ClusterPlan): string {
  const { logs } = pathsOf(plan);
  const end = (name: string) => readFileSync(join(logs, name), "utf8").trim().split("\n").slice(-8).join("\n");
  return readdirSync(logs)
    .map((name) => `--- ${name}\n${end(name)}`)
    .join("\n");
}

async function removeAll(plan: ClusterPlan): Promise<void> {
  removeControlGroups(plan.name);
  rmSync(plan.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

/** From the innermost outwards; one that still has a process stays. */
function removeControlGroups(name: string): void {
  const remove = (folder: string) => {
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) remove(join(folder, entry.name));
      rmdirSync(folder);
    } catch {
      // Not there, or not empty yet.
    }
  };
  for (const hierarchy of [controlGroups, ...readdirSync(controlGroups).map((entry) => join(controlGroups, entry))])
    remove(join(hierarchy, name));
}
