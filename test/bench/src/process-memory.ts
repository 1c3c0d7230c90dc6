import { readdirSync, readFileSync } from "node:fs";

/** Resident memory of a process, in MB; 0 when it is gone. */
export function residentMb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** The Envoys that a process started. */
export function envoysOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number))
    .filter((child) => readFileSync(`/proc/${child}/comm`, "utf8").startsWith("envoy"));
}
