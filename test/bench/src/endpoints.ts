import { setTimeout as pause } from "node:timers/promises";
import type { StackKind } from "@atoll/demo/backends";
import { apply, readDocuments, startTopology, topologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { withStack } from "./bench-stack.ts";
import { monotonicMs } from "./clock.ts";
import { bareKafka, durableAppends } from "./floors.ts";
import { CpuWatch, type ProcessCpu } from "./process-cpu.ts";
import { SimulatedProxies } from "./simulated-proxies.ts";

export interface EndpointsOptions {
  stack: StackKind;
  rounds: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface EndpointsResult {
  stack: StackKind;
  listedMs: number[];
  /** One question to Envoy whether it lists an endpoint: as long, and a pause of 2 ms, may the answer be late. */
  askMs: number[];
  /** Spent from the first to the last, with what goes on all the time. */
  cpu: ProcessCpu[];
  floors: { durableAppendMs: number[]; bareKafkaMs: number[] };
}

const limitMs = 10_000;
const askPauseMs = 2;
const service = (number: number) => `fresh-${number}`;

/**
 * The proxy of a new instance connects in zone west: how long until the gateway's Envoy in zone east lists an endpoint of its service, which had
 * none before. The instances are streams without Envoys, the gateway is real.
 */
export async function measureEndpoints(options: EndpointsOptions): Promise<EndpointsResult> {
  const { rounds, signal, onProgress } = options;
  return withStack({ zones: ["east", "west"], kind: options.stack, onProgress }, async ({ stack, topologyBase }) => {
    const ports = topologyPorts(topologyBase);
    const topology = await startTopology(stack, ports, { east: "east", west: "west" }, (what) => onProgress(`start ${what}`));
    const instances = await SimulatedProxies.open(stack, stack.zones["west"]!);
    const admin = `http://127.0.0.1:${ports.adminBase * 10 + 1}`;
    try {
      await eventually(async () => (await fetch(`http://127.0.0.1:${ports.edgePort}/orders`)).status === 200, {
        limitMs: 60_000,
        everyMs: 50,
      });
      const route = readDocuments("gateways", ports).find(({ type, name }) => type === "MeshGatewayRoute" && name === "edge")!;
      await apply(stack, routesTo(route, rounds));
      const members = async (number: number): Promise<number> => {
        const filter = encodeURIComponent(`^cluster\\.${service(number)}\\b.*\\.membership_total$`);
        const text = await (await fetch(`${admin}/stats?filter=${filter}`)).text();
        return /: (\d+)/.exec(text) ? Number(/: (\d+)/.exec(text)![1]) : NaN;
      };
      await eventually(async () => (await members(rounds)) === 0, { limitMs });
      const cpu = new CpuWatch(stack, topology);
      cpu.begin();
      const listedMs: number[] = [];
      const askMs: number[] = [];
      for (let number = 1; number <= rounds; number++) {
        signal.throwIfAborted();
        await pause(30);
        const connectedAt = monotonicMs();
        const connected = instances.connect({ name: service(number), service: service(number), address: `10.9.0.${number}`, port: 8080 });
        for (;;) {
          const askedAt = monotonicMs();
          const count = await members(number);
          const at = monotonicMs();
          askMs.push(at - askedAt);
          if (count > 0) {
            listedMs.push(at - connectedAt);
            break;
          }
          // Envoy answers on the thread that takes its configuration, too.
          await pause(askPauseMs);
          if (at - connectedAt > limitMs) throw new Error(`Envoy did not list the instance within ${limitMs} ms`);
        }
        await connected;
      }
      return {
        stack: options.stack,
        listedMs,
        askMs,
        cpu: cpu.spent(),
        floors: {
          durableAppendMs: durableAppends(stack.workDir, 300, 500),
          bareKafkaMs: stack.brokers === undefined ? [] : await bareKafka(stack.brokers, 300, 500),
        },
      };
    } finally {
      instances.close();
      await topology.close();
    }
  });
}

/** A route of the gateway to each of the services that will come. */
function routesTo(route: Record<string, unknown>, count: number): Record<string, unknown> {
  const changed = structuredClone(route) as { name: string; conf: { http: { rules: Record<string, unknown>[] } } };
  changed.name = "fresh";
  changed.conf.http.rules = Array.from({ length: count }, (_, index) => ({
    matches: [{ path: { match: "PREFIX", value: `/${service(index + 1)}` } }],
    backends: [{ weight: 1, destination: { "kuma.io/service": service(index + 1) } }],
  }));
  return changed as unknown as Record<string, unknown>;
}
