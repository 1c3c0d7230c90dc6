import { startProxy, type ProxyDocument } from "@atoll/demo/proxy";
import { startSampleApp } from "@atoll/demo/sample-app";
import { apply, readDocuments, topologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import type { StartedProcess } from "@atoll/testkit/process";
import { withStack } from "./bench-stack.ts";
import { envoysOf, residentMb } from "./process-memory.ts";

export interface MemoryOptions {
  /** Changes of a route before memory is read a second time. */
  rounds: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface ProcessFigures {
  name: string;
  /** From its start until it said that it is ready. */
  readyAfterMs: number;
  /** Resident, once the first request was served, and after the changes. */
  startedMb: number;
  changedMb: number;
}

/** One zone with four proxies: what each process needs of memory, and how long it takes to start. */
export async function measureMemory(options: MemoryOptions): Promise<ProcessFigures[]> {
  const { rounds, signal, onProgress } = options;
  return withStack({ zones: ["east"], kind: "embedded", onProgress }, async ({ stack, topologyBase }) => {
    const ports = topologyPorts(topologyBase);
    const zone = stack.zones["east"]!;
    const wanted = ["ingress-1", "orders-1", "edge-1", "egress-1"];
    const documents = [...readDocuments("west", ports), ...readDocuments("east", ports)].filter(({ name }) =>
      wanted.includes(name as string),
    ) as unknown as ProxyDocument[];
    const proxies: StartedProcess[] = [];
    const measured: { name: string; pid: number; readyAfterMs: number }[] = stack.services.map(({ name, process, readyAfterMs }) => ({
      name,
      pid: process.pid,
      readyAfterMs,
    }));
    const app = await startSampleApp("orders", ports.ordersPort);
    try {
      for (const document of [...readDocuments("meshes", ports), ...readDocuments("gateways", ports)]) await apply(stack, document);
      for (const document of documents) {
        onProgress(`start ${document.name}`);
        const began = performance.now();
        const proxy = await startProxy(stack, zone, document);
        proxies.push(proxy);
        await eventually(async () => (await fetch(`http://127.0.0.1:${document.networking.admin!.port}/ready`)).status === 200, {
          limitMs: 60_000,
          everyMs: 20,
        });
        const readyAfterMs = performance.now() - began;
        measured.push(
          { name: `atoll-dp ${document.name}`, pid: proxy.pid, readyAfterMs },
          ...envoysOf(proxy.pid).map((pid) => ({ name: `Envoy of ${document.name}`, pid, readyAfterMs })),
        );
      }
      const url = `http://127.0.0.1:${ports.edgePort}/orders`;
      await eventually(async () => (await fetch(url)).status === 200, { limitMs: 60_000, everyMs: 50 });
      const started = measured.map(({ pid }) => residentMb(pid));
      const route = readDocuments("gateways", ports).find(({ type, name }) => type === "MeshGatewayRoute" && name === "edge")!;
      for (let number = 1; number <= rounds; number++) {
        signal.throwIfAborted();
        const changed = structuredClone(route) as { conf: { http: { rules: { filters?: unknown[] }[] } } };
        changed.conf.http.rules[0]!.filters = [{ responseHeader: { set: [{ name: "x-round", value: String(number) }] } }];
        await apply(stack, changed as unknown as Record<string, unknown>);
      }
      await eventually(async () => (await fetch(url)).headers.get("x-round") === (rounds > 0 ? String(rounds) : null), { limitMs: 10_000 });
      return measured.map(({ name, pid, readyAfterMs }, index) => ({
        name,
        readyAfterMs,
        startedMb: started[index]!,
        changedMb: residentMb(pid),
      }));
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.stop(6_000)));
      await app.close();
    }
  });
}
