import { readFileSync } from "node:fs";
import { eventually } from "@atoll/testkit/eventually";
import type { StartedProcess } from "@atoll/testkit/process";
import { rest } from "./rest.ts";

/** Counters and gauges of an Envoy whose names match, by name. */
export async function envoyStats(adminPort: number, pattern: RegExp): Promise<Record<string, number>> {
  const { text } = await rest(`http://127.0.0.1:${adminPort}/stats?usedonly`);
  const found = text.split("\n").flatMap((line) => {
    const colon = line.lastIndexOf(": ");
    const name = line.slice(0, colon);
    return colon > 0 && pattern.test(name) ? [[name, Number(line.slice(colon + 2))] as const] : [];
  });
  return Object.fromEntries(found);
}

export const sumOf = (stats: Record<string, number>): number => Object.values(stats).reduce((sum, value) => sum + value, 0);

/** The Envoy that an `atoll-dp` started, or undefined before it did. */
export function envoyPidOf(proxy: StartedProcess): number | undefined {
  const children = readFileSync(`/proc/${proxy.pid}/task/${proxy.pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  return children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--config-path"));
}

/** As when its machine loses power: no draining, no goodbye. */
export async function killProxy(proxy: StartedProcess): Promise<void> {
  const envoy = envoyPidOf(proxy);
  proxy.signal("SIGKILL");
  if (envoy !== undefined) process.kill(envoy, "SIGKILL");
  await proxy.exited;
  if (envoy !== undefined) await eventually(() => !isRunning(envoy), { everyMs: 1 });
}

/** A killed process that nobody has collected yet does not run any more. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
