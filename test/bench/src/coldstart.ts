import { rmSync } from "node:fs";
import { join } from "node:path";
import type { StackKind } from "@atoll/demo/backends";
import type { Service } from "@atoll/demo/service";
import { Pool } from "undici";
import { withStack } from "./bench-stack.ts";
import { residentMb } from "./process-memory.ts";

export interface ColdStartOptions {
  stack: StackKind;
  resources: number;
  rounds: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

/** A zone's sync service, then its xDS server, each started without any state. */
export interface ColdStart {
  syncMs: number;
  xdsMs: number;
  syncMb: number;
  xdsMb: number;
}

export interface ColdStartResult {
  stack: StackKind;
  resources: number;
  /** With only what every installation has. */
  empty: ColdStart[];
  full: ColdStart[];
}

/** Starts a zone that has nothing on its disk, again and again: how long until it, and then its xDS server, has the whole configuration. */
export async function measureColdStart(options: ColdStartOptions): Promise<ColdStartResult> {
  const { resources, rounds, signal, onProgress } = options;
  return withStack({ zones: ["east"], kind: options.stack, onProgress }, async ({ stack }) => {
    const { sync, xds, ports } = stack.zones["east"]!;
    const revisionAt = async (port: number) =>
      ((await (await fetch(`http://127.0.0.1:${port}/debug/replica`)).json()) as { revision: number }).revision;
    const begun = async (service: Service, port: number): Promise<{ ms: number; mb: number }> => {
      await service.start();
      const [behind, head] = [await revisionAt(port), await revisionAt(stack.ports.diagnostics)];
      if (behind < head) throw new Error(`${service.name} was ready at revision ${behind}, before it had ${head}`);
      const [instance] = service.instances;
      return { ms: instance!.readyAfterMs, mb: residentMb(instance!.process.pid) };
    };
    const starts = async (): Promise<ColdStart[]> => {
      const found: ColdStart[] = [];
      for (let round = 0; round < rounds; round++) {
        signal.throwIfAborted();
        await xds.stop();
        await sync.stop();
        for (const file of ["log.sqlite", "log.sqlite-wal", "checkpoint.json"])
          rmSync(join(stack.workDir, "zone-east", file), { force: true });
        const one = await begun(sync, ports.diagnostics);
        const other = await begun(xds, ports.xdsDiagnostics);
        found.push({ syncMs: one.ms, xdsMs: other.ms, syncMb: one.mb, xdsMb: other.mb });
      }
      return found;
    };
    onProgress("cold starts with an empty configuration");
    const empty = await starts();
    onProgress(`write ${resources} resources, each its own change`);
    await writeResources(stack.url, resources);
    onProgress("cold starts with all of them");
    return { stack: options.stack, resources, empty, full: await starts() };
  });
}

async function writeResources(url: string, count: number): Promise<void> {
  const pool = new Pool(url, { connections: 32 });
  try {
    await Promise.all(
      Array.from({ length: 32 }, async (_, first) => {
        for (let index = first; index < count; index += 32) {
          const name = `permission-${index}`;
          const match = [{ match: { "kuma.io/service": `service-${index}` } }];
          const { statusCode, body } = await pool.request({
            method: "PUT",
            path: `/meshes/default/traffic-permissions/${name}`,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ type: "TrafficPermission", mesh: "default", name, sources: match, destinations: match }),
          });
          const text = await body.text();
          if (statusCode !== 201) throw new Error(`the write was refused: ${statusCode} ${text}`);
        }
      }),
    );
  } finally {
    await pool.close();
  }
}
