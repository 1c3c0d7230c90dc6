import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { kindOf } from "@atoll/resource";
import type { StartedProcess } from "@atoll/testkit/process";
import { parseAllDocuments } from "yaml";
import { startProxy, type ProxyDocument } from "./proxy.ts";
import { startSampleApp, type SampleApp } from "./sample-app.ts";
import type { Stack } from "./stack.ts";

/** Where everything of the sample application listens; all of 127.0.0.1. */
export interface TopologyPorts {
  edgePort: number;
  paymentsEdgePort: number;
  egressPort: number;
  ingressPort: number;
  ordersInbound: number;
  ordersPort: number;
  ledgerInbound: number;
  ledgerPort: number;
  quotesPort: number;
  /** Envoy admin ports are this followed by one digit. */
  adminBase: number;
}

export const topologyPorts = (base: number): TopologyPorts => ({
  edgePort: base + 80,
  paymentsEdgePort: base + 81,
  egressPort: base + 2,
  ingressPort: base + 1,
  ordersInbound: base + 10,
  ordersPort: base + 11,
  ledgerInbound: base + 12,
  ledgerPort: base + 13,
  quotesPort: base + 14,
  adminBase: (base + 90) / 10,
});

export interface Topology {
  ports: TopologyPorts;
  proxies: Map<string, StartedProcess>;
  close(): Promise<void>;
}

/** The documents of a file in `demo/resources`, with ports filled in. */
export function readDocuments(name: string, ports: TopologyPorts): Record<string, unknown>[] {
  const text = readFileSync(fileURLToPath(new URL(`../resources/${name}.yaml`, import.meta.url)), "utf8");
  const filled = text.replace(/\$\{(\w+)\}/g, (whole, key: string) => String(ports[key as keyof TopologyPorts] ?? whole));
  return parseAllDocuments(filled).map((document) => document.toJS() as Record<string, unknown>);
}

/** Where a document is on the REST API. */
export function pathOf(document: Record<string, unknown>): string {
  const kind = kindOf(document.type as string);
  if (kind === undefined) throw new Error(`there is no type ${document.type}`);
  return `${kind.scope === "mesh" ? `/meshes/${document.mesh}` : ""}/${kind.path}/${document.name}`;
}

/** PUT on global; answers the revision of the change. */
export async function apply(stack: Stack, document: Record<string, unknown>): Promise<number> {
  const answer = await fetch(stack.url + pathOf(document), {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(document),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${document.type} ${document.name}: ${answer.status} ${text}`);
  return Number(answer.headers.get("atoll-revision"));
}

/** The sample application: two meshes over one egress and one ingress. Resolves when all proxies were started. */
export async function startTopology(
  stack: Stack,
  ports: TopologyPorts,
  zones: { east: string; west: string },
  onProgress: (message: string) => void,
): Promise<Topology> {
  const apps: SampleApp[] = [];
  const proxies = new Map<string, StartedProcess>();
  const close = async () => {
    await Promise.all([...proxies.values()].map((proxy) => proxy.stop(6_000)));
    await Promise.all(apps.map((app) => app.close()));
  };
  try {
    onProgress("sample services orders, ledger and quotes");
    for (const [name, port] of [
      ["orders", ports.ordersPort],
      ["ledger", ports.ledgerPort],
      ["quotes", ports.quotesPort],
    ] as const)
      apps.push(await startSampleApp(name, port));
    onProgress("meshes, gateways, routes and permissions");
    for (const document of [...readDocuments("meshes", ports), ...readDocuments("gateways", ports)]) await apply(stack, document);
    for (const side of ["west", "east"] as const) {
      for (const document of readDocuments(side, ports) as unknown as ProxyDocument[]) {
        onProgress(`${document.type} ${document.name} in ${zones[side]}`);
        proxies.set(document.name, await startProxy(stack, stack.zones[zones[side]]!, document));
      }
    }
    return { ports, proxies, close };
  } catch (error) {
    await close();
    throw error;
  }
}
