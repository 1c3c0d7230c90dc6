import { setTimeout as pause } from "node:timers/promises";
import type { StackKind } from "@atoll/demo/backends";
import { type ProxyDocument, startProxy } from "@atoll/demo/proxy";
import { apply, pathOf, readDocuments, topologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { Client } from "undici";
import { withStack } from "./bench-stack.ts";
import { monotonicMs } from "./clock.ts";
import { envoyApplyTime } from "./floors.ts";
import { SimulatedProxies } from "./simulated-proxies.ts";
import { readTimelines } from "./timelines.ts";

export interface GatewayOptions {
  stack: StackKind;
  routes: number;
  rounds: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface GatewayResult {
  stack: StackKind;
  routes: number;
  /** Each change of one route, in milliseconds. */
  buildMs: number[];
  ackMs: number[];
  totalMs: number[];
  /** Proxies that a change made the server build, of all that are connected. */
  built: number[];
  proxies: number;
  /** Envoy's own counters: what the gateway was sent anew for one change, and what it holds. */
  updates: { listeners: number; routes: number; clusters: number; endpoints: number };
  held: { listeners: number; clusters: number };
  envoyApplyMs: { p50: number; p99: number } | null;
}

const service = (number: number) => `service-${number}`;

/** One gateway with a route to each of as many services; one route changes, again and again. */
export async function measureGateway(options: GatewayOptions): Promise<GatewayResult> {
  const { routes, rounds, signal, onProgress } = options;
  return withStack({ zones: ["east"], kind: options.stack, onProgress }, async ({ stack, topologyBase }) => {
    const ports = topologyPorts(topologyBase);
    const zone = stack.zones["east"]!;
    const adminPort = ports.adminBase * 10 + 1;
    for (const document of [...readDocuments("meshes", ports), ...readDocuments("gateways", ports)]) await apply(stack, document);
    onProgress(`${routes} routes and services`);
    const instances = await SimulatedProxies.open(stack, zone);
    const global = new Client(stack.url);
    const edge = readDocuments("east", ports).find(({ name }) => name === "edge-1") as unknown as ProxyDocument;
    const proxy = await startProxy(stack, zone, edge);
    try {
      for (let number = 0; number < routes; number++) {
        await apply(stack, gatewayRoute(number, `/${number}`));
        const address = `10.9.${number >> 8}.${number & 255}`;
        await instances.connect({ name: `${service(number)}-1`, service: service(number), address, port: 8080 });
      }
      const stat = async (name: string): Promise<number> => {
        const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats?filter=${encodeURIComponent(`${name}$`)}`)).text();
        return [...text.matchAll(/: (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
      };
      const counters = async () => ({
        listeners: await stat("listener_manager\\.lds\\.update_success"),
        routes: await stat("rds\\..*\\.update_success"),
        clusters: await stat("cluster_manager\\.cds\\.update_success"),
        endpoints: await stat("cluster\\..*\\.update_success"),
      });
      await eventually(async () => (await stat("membership_healthy")) >= routes, { limitMs: 60_000, everyMs: 200 });
      const revisions: { revision: number; sentAt: number }[] = [];
      const built: number[] = [];
      let proxies = 0;
      const change = async (round: number): Promise<void> => {
        const route = gatewayRoute(7, `/changed-${round}`);
        const sentAt = monotonicMs();
        const answer = await global.request({
          method: "PUT",
          path: pathOf(route),
          headers: { "content-type": "application/json" },
          body: JSON.stringify(route),
        });
        await answer.body.dump();
        const revision = Number(answer.headers["atoll-revision"]);
        await eventually(async () => (await readTimelines(stack, zone)).xds.get(revision)?.["applied default.edge-1"] !== undefined, {
          limitMs: 10_000,
          everyMs: 20,
        });
        revisions.push({ revision, sentAt });
        const last = (await (await fetch(`http://127.0.0.1:${zone.ports.xdsDiagnostics}/debug/round`)).json()) as Round;
        built.push(last.built);
        proxies = last.proxies;
      };
      for (let round = 0; round < 5; round++) await change(round);
      await pause(1_500);
      revisions.length = built.length = 0;
      const before = await counters();
      for (let round = 5; round < 5 + rounds; round++) {
        signal.throwIfAborted();
        await change(round);
      }
      const after = await counters();
      const { xds } = await readTimelines(stack, zone);
      const between = (from: string, to: string) =>
        revisions.map(({ revision }) => (xds.get(revision)?.[to] ?? NaN) - (xds.get(revision)?.[from] ?? NaN));
      const acked = "applied default.edge-1";
      return {
        stack: options.stack,
        routes,
        buildMs: between("folded", "built"),
        ackMs: between("built", acked),
        totalMs: revisions.map(({ revision, sentAt }) => (xds.get(revision)?.[acked] ?? NaN) - sentAt),
        built,
        proxies,
        updates: {
          listeners: (after.listeners - before.listeners) / rounds,
          routes: (after.routes - before.routes) / rounds,
          clusters: (after.clusters - before.clusters) / rounds,
          endpoints: (after.endpoints - before.endpoints) / rounds,
        },
        held: {
          listeners: await stat("listener_manager\\.total_listeners_active"),
          clusters: await stat("cluster_manager\\.active_clusters"),
        },
        envoyApplyMs: await envoyApplyTime(adminPort),
      };
    } finally {
      await global.close();
      instances.close();
      await proxy.stop(6_000);
    }
  });
}

interface Round {
  built: number;
  proxies: number;
}

const gatewayRoute = (number: number, path: string): Record<string, unknown> => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: `route-${number}`,
  selectors: [{ match: { "kuma.io/service": "edge" } }],
  conf: {
    http: {
      rules: [
        {
          matches: [{ path: { match: "PREFIX", value: path } }],
          backends: [{ weight: 1, destination: { "kuma.io/service": service(number) } }],
        },
      ],
    },
  },
});
