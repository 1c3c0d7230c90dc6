import { readFileSync } from "node:fs";
import type { Stack } from "@atoll/demo/stack";
import type { Topology } from "@atoll/demo/topology";
import { envoysOf } from "./process-memory.ts";

/** Of a process since it began, all threads: milliseconds; 0 when it is gone. The kernel counts in hundredths of a second. */
export function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the command, in parentheses, may hold spaces. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

export interface ProcessCpu {
  name: string;
  cpuMs: number;
}

/** What the processes of a stack, and the Envoys of its topology as one, spend between two looks. */
export class CpuWatch {
  readonly #groups: { name: string; pids: number[]; before: number }[];

  constructor(stack: Stack, topology?: Topology) {
    const groups = stack.services.map(({ name, process }) => ({ name, pids: [process.pid] }));
    const envoys = [...(topology?.proxies.values() ?? [])].flatMap(({ pid }) => envoysOf(pid));
    if (envoys.length > 0) groups.push({ name: `${envoys.length} Envoys`, pids: envoys });
    this.#groups = groups.map((group) => ({ ...group, before: 0 }));
  }

  begin(): void {
    for (const group of this.#groups) group.before = total(group.pids);
  }

  /** Since `begin`. */
  spent(): ProcessCpu[] {
    return this.#groups.map(({ name, pids, before }) => ({ name, cpuMs: total(pids) - before }));
  }
}

const total = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
