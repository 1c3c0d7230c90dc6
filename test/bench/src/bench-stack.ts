import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { globalPorts, zonePorts } from "@atoll/demo/ports";
import { startStack, type Stack } from "@atoll/demo/stack";
import { takenPorts } from "@atoll/demo/taken-ports";

/** 18000 to 18299 for the control plane, 19000 to 19099 for what it configures. */
const bases = { global: 18_000, zone: 18_100, topology: 19_000 };

export interface BenchStack {
  stack: Stack;
  topologyBase: number;
}

/** Starts a stack with these zones in a folder of its own, lets `use` work with it, and leaves nothing behind. */
export async function withStack<T>(
  zones: readonly string[],
  say: (message: string) => void,
  use: (bench: BenchStack) => Promise<T>,
  env?: Record<string, string>,
): Promise<T> {
  const zoneBases = Object.fromEntries(zones.map((name, index) => [name, bases.zone + index * 100]));
  const taken = await takenPorts([
    ...Object.values(globalPorts(bases.global)),
    ...Object.values(zoneBases).flatMap((base) => Object.values(zonePorts(base))),
  ]);
  if (taken.length > 0) throw new Error(`ports in use: ${taken.join(", ")}. Stop what listens there.`);
  const workDir = mkdtempSync(join(tmpdir(), "atoll-bench-"));
  let stack: Stack | undefined;
  try {
    stack = await startStack({
      workDir,
      globalBase: bases.global,
      zones: zoneBases,
      logLevel: "warn",
      env,
      onProgress: (what) => say(`start ${what}`),
    });
    return await use({ stack, topologyBase: bases.topology });
  } finally {
    await stack?.close();
    rmSync(workDir, { recursive: true, force: true });
  }
}
