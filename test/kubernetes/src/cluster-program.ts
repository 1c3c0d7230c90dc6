import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const sources = fileURLToPath(new URL("../cluster", import.meta.url));
const version = "k8s.io/component-base/version";
const kubernetes = /k8s\.io\/kubernetes (v1\.(\d+)\.\d+)/;
/** Says who builds, by its process id: a second one waits instead of building the same. */
const lockName = "building";

export interface ClusterPrograms {
  /** All parts of a cluster in one, chosen by the name that it is started by. */
  cluster: string;
  /** What holds a pod's namespaces. */
  pause: string;
}

/**
 * The programs of a cluster, built from `cluster/` with Go: a quarter of an hour of processor time, once. They are kept outside of the
 * clone, by what they are made from, so that the next clone has them. Throws with one line if there is no Go, or the end of its output.
 */
export async function clusterPrograms(note: (line: string) => void = () => undefined): Promise<ClusterPrograms> {
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "atoll", "kube", await fingerprint());
  const built = { cluster: join(folder, "cluster"), pause: join(folder, "pause") };
  mkdirSync(folder, { recursive: true });
  while (!existsSync(built.pause)) {
    const lock = join(folder, lockName);
    if (!takes(lock)) {
      await delay(500);
      continue;
    }
    try {
      if (!existsSync(built.pause)) await build(folder, built, note);
    } finally {
      rmSync(lock, { force: true });
    }
  }
  return built;
}

async function build(folder: string, built: ClusterPrograms, note: (line: string) => void): Promise<void> {
  const [, release, minor] = kubernetes.exec(readFileSync(join(sources, "go.mod"), "utf8"))!;
  note(`building Kubernetes ${release}, once on this machine: about 13 minutes of processor time`);
  const making = mkdtempSync(join(folder, "making-"));
  // A checkout of something else may take the sources away meanwhile.
  const copy = join(making, "sources");
  cpSync(sources, copy, { recursive: true });
  const named = { gitMajor: "1", gitMinor: minor, gitVersion: release, gitTreeState: "clean" };
  const links = ["-s", "-w", ...Object.entries(named).map(([name, value]) => `-X ${version}.${name}=${value}`)].join(" ");
  const flags = ["-trimpath", "-buildvcs=false", "-tags", "grpcnotrace", "-gcflags=all=-dwarf=false", "-ldflags", links];
  try {
    // One at a time and last in the queue: tests run beside it.
    await go(["build", "-p", process.env["ATOLL_TEST_GO_JOBS"] ?? "1", ...flags, "-o", join(making, "cluster"), "."], copy);
    await go(["build", ...flags, "-o", join(making, "pause"), "./pause"], copy);
    renameSync(join(making, "cluster"), built.cluster);
    renameSync(join(making, "pause"), built.pause);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/** Names the sources and the compiler. */
async function fingerprint(): Promise<string> {
  const hash = createHash("sha256").update(await go(["version"]));
  const files = readdirSync(sources, { recursive: true })
    .map(String)
    .filter((name) => /\.(go|mod|sum)$/.test(name));
  for (const name of files.sort()) hash.update(name).update(readFileSync(join(sources, name)));
  return hash.digest("hex");
}

/** What Go prints. It has a home even where the environment has none, and what the machine says of flags does not change what is built. */
async function go(args: readonly string[], folder: string = sources): Promise<string> {
  const home = process.env["HOME"] ?? homedir() ?? tmpdir();
  const env = { ...process.env, HOME: home, GOFLAGS: "-mod=readonly", CGO_ENABLED: "0", GOGC: "400", GOWORK: "off" };
  const child = spawn("nice", ["-n", "15", "go", ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve).once("error", () => resolve(127)));
  process.removeListener("exit", end);
  if (code === 0) return output;
  if (code === 127) throw new Error("a Kubernetes cluster is built with Go 1.24 or later: there is no go on the PATH");
  throw new Error(`go ${args[0]} failed: ${output.trim().split("\n").slice(-5).join("\n")}`);
}

/** One whose process is gone is taken over. */
function takes(lock: string): boolean {
  try {
    mkdirSync(dirname(lock), { recursive: true });
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    if (!isAlive(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isAlive(lock: string): boolean {
  const held = statSync(lock, { throwIfNoEntry: false });
  if (!held) return false;
  const pid = Number(readFileSync(lock, "utf8"));
  // Just made, not written yet.
  if (!pid) return Date.now() - held.mtimeMs < 5_000;
  return existsSync(`/proc/${pid}`);
}
