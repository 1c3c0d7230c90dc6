import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { ensureCommand } from "@atoll/testkit/ensure-command";

const commands = [
  ["unshare", ["--version"], "util-linux"],
  ["ip", ["-V"], "iproute2"],
  ["containerd", ["--version"], "containerd"],
  ["runc", ["--version"], "runc"],
  ["iptables", ["--version"], "iptables"],
  ["nft", ["--version"], "nftables"],
  ["conntrack", ["--version"], "conntrack"],
  ["ipset", ["--version"], "ipset"],
] as const;

/** Where Debian's `containernetworking-plugins` puts what links pods to the node. */
export const networkPlugins = "/usr/lib/cni";
/** Debian's `busybox-static`. */
export const busybox = "/bin/busybox";

/**
 * Sees that a cluster can run on this machine, installing Debian's packages where something is missing. Throws one line that says what
 * is missing.
 */
export function prepareMachine(): void {
  const missing = whatIsMissing();
  if (missing) throw new Error(`no Kubernetes cluster can run here: ${missing}`);
}

/** The same as a value, nothing if a cluster can run. */
export function whatIsMissing(): string | undefined {
  if (process.platform !== "linux") return `it needs Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "it needs root, for namespaces, mounts and control groups";
  if (!canMakeControlGroups()) return "control groups cannot be made below /sys/fs/cgroup";
  if (spawnSync("unshare", ["--mount", "--pid", "--net", "--fork", "true"], { stdio: "ignore" }).status !== 0)
    return "this process may not make namespaces (unshare)";
  try {
    for (const [command, args, debianPackage] of commands)
      ensureCommand(command, args, debianPackage, `there is no ${command}, and it cannot be installed`);
    ensureCommand("test", ["-x", join(networkPlugins, "bridge")], "containernetworking-plugins", `there is no ${networkPlugins}/bridge`);
    ensureCommand(busybox, ["true"], "busybox-static", `there is no ${busybox}`);
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

function canMakeControlGroups(): boolean {
  const root = "/sys/fs/cgroup";
  const hierarchy = existsSync(join(root, "cgroup.controllers")) ? root : join(root, "memory");
  const tried = join(hierarchy, `atoll-${process.pid}`);
  try {
    accessSync(hierarchy, constants.W_OK);
    mkdirSync(tried);
    rmdirSync(tried);
    return true;
  } catch {
    return false;
  }
}
