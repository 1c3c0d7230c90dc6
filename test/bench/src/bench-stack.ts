import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StackKind } from "@atoll/demo/backends";
import { globalPorts, zonePorts } from "@atoll/demo/ports";
import { startStack, type Stack } from "@atoll/demo/stack";
import { takenPorts } from "@atoll/demo/taken-ports";

export interface BenchStackOptions {
  zones: readonly string[];
  kind: StackKind;
  env?: Record<string, string>;
  onProgress: (message: string) => void;
}

/** 18000 to 18299 for the control plane, 19000 to 19099 for what it configures. */
const bases = { global: 18_000, zone: 18_100, topology: 19_000 };

export interface BenchStack {
  stack: Stack;
  topologyBase: number;
}

/** Starts a stack, one instance of each service, in a folder of its own, lets `use` work with it, and leaves nothing behind. */
export async function withStack<T>(options: BenchStackOptions, use: (bench: BenchStack) => Promise<T>): Promise<T> {
  const { zones, kind, env } = options;
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
      kind,
      instances: 1,
      logLevel: "warn",
      env,
      onProgress: (what) => options.onProgress(`start ${what}`),
    });
    return await use({ stack, topologyBase: bases.topology });
  } finally {
    await stack?.close();
    rmSync(workDir, { recursive: true, force: true });
  }
}
