import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StackKind } from "@atoll/demo/backends";
import { globalPorts, zonePorts } from "@atoll/demo/ports";
import { startStack, type Stack } from "@atoll/demo/stack";
import { claimPorts } from "@atoll/demo/port-range";

export interface BenchStackOptions {
  zones: readonly string[];
  kind: StackKind;
  env?: Record<string, string>;
  onProgress: (message: string) => void;
}

/** Where a bench's ports begin, unless something is in the way. From there on: global, zones, and what they configure. */
const preferredBase = 18_000;
const offsets = { zone: 100, topology: 1_000 };
const topologySize = 100;

export interface BenchStack {
  stack: Stack;
  topologyBase: number;
}

/** Starts a stack, one instance of each service, in a folder of its own, lets `use` work with it, and leaves nothing behind. */
export async function withStack<T>(options: BenchStackOptions, use: (bench: BenchStack) => Promise<T>): Promise<T> {
  const { zones, kind, env } = options;
  const zonesAt = (base: number) => Object.fromEntries(zones.map((name, index) => [name, base + offsets.zone + index * 100]));
  const range = await claimPorts({
    preferred: preferredBase,
    ports: (base) => [
      ...Object.values(globalPorts(base)),
      ...Object.values(zonesAt(base)).flatMap((at) => Object.values(zonePorts(at))),
      ...Array.from({ length: topologySize }, (_, index) => base + offsets.topology + index),
    ],
  });
  const workDir = mkdtempSync(join(tmpdir(), "atoll-bench-"));
  let stack: Stack | undefined;
  try {
    stack = await startStack({
      workDir,
      globalBase: range.base,
      zones: zonesAt(range.base),
      kind,
      instances: 1,
      logLevel: "warn",
      env,
      onProgress: (what) => options.onProgress(`start ${what}`),
    });
    return await use({ stack, topologyBase: range.base + offsets.topology });
  } finally {
    await stack?.close();
    rmSync(workDir, { recursive: true, force: true });
    range.release();
  }
}
