import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** What a command left behind. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The machine whose traffic is redirected. */
export interface Machine {
  readonly isRoot: boolean;
  /** A program by its name or path; undefined if it is not there. */
  find(program: string): string | undefined;
  run(path: string, args: readonly string[], input?: string): Ran;
  /** Text of a file; undefined if it cannot be read. */
  read(path: string): string | undefined;
  interfaces(): readonly { readonly name: string; readonly isLoopback: boolean; readonly addresses: readonly string[] }[];
  wait(ms: number): Promise<void>;
}

/** Where iptables is on systems that leave it out of people's PATH. */
const usualFolders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

export const thisMachine: Machine = {
  isRoot: process.geteuid?.() === 0,
  find(program) {
    if (program.includes("/")) return existsSync(program) ? program : undefined;
    const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...usualFolders];
    return folders
      .filter((folder) => folder !== "")
      .map((folder) => join(folder, program))
      .find((path) => existsSync(path));
  },
  run(path, args, input) {
    const { status, stdout, stderr, error } = spawnSync(path, args, { encoding: "utf8", ...(input !== undefined && { input }) });
    return { status: status ?? 1, stdout: stdout ?? "", stderr: error?.message ?? stderr };
  },
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  interfaces: () =>
    Object.entries(networkInterfaces()).map(([name, addresses = []]) => ({
      name,
      isLoopback: addresses.some(({ internal }) => internal),
      addresses: addresses.map(({ address }) => address),
    })),
  wait: (ms) => delay(ms),
};
