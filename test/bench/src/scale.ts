import { setTimeout as pause } from "node:timers/promises";
import type { StackKind } from "@atoll/demo/backends";
import { apply, pathOf, readDocuments, startTopology, topologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { Client } from "undici";
import { withStack } from "./bench-stack.ts";
import { monotonicMs } from "./clock.ts";
import { durableAppends } from "./floors.ts";
import { CpuWatch, type ProcessCpu } from "./process-cpu.ts";
import { spread } from "./percentiles.ts";
import { withRound } from "./propagation.ts";
import { firstAnswer } from "./route-watch.ts";
import { readTimelines } from "./timelines.ts";

export interface ScaleOptions {
  stack: StackKind;
  /** Unrelated MeshGatewayRoutes, ascending. */
  sizes: readonly number[];
  services: number;
  /** Registered by API in zone west; nobody serves them. */
  dataplanes: number;
  rounds: number;
  /** Folder for a CPU profile of each process. */
  profiles?: string | undefined;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface ScaleStep {
  unrelated: number;
  /** PUT answered on global until the gateway in zone east serves by it. */
  routeMs: number[];
  /** A Dataplane PUT in zone west answered until the gateway's Envoy in zone east lists the instance. */
  instanceMs: number[];
  /** PUT of a policy that reaches one proxy sent until its Envoy has acknowledged it. */
  policyMs: number[];
}

export interface ScaleResult {
  stack: StackKind;
  services: number;
  dataplanes: number;
  /** Of the Dataplane PUTs in zone west, eight at once: how long all took, and what each process spent. */
  registration: { seconds: number; cpu: ProcessCpu[] };
  steps: ScaleStep[];
  durableAppendMs: number[];
}

const limitMs = 30_000;
const service = "kuma.io/service";

/** A route of a gateway that nobody runs, to a service that nobody offers. */
const unrelated = (index: number) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: `unrelated-${index}`,
  selectors: [{ match: { [service]: "nowhere" } }],
  conf: {
    http: {
      rules: [
        {
          matches: [{ path: { match: "PREFIX", value: `/${index}` } }],
          backends: [{ weight: 1, destination: { [service]: `nobody-${index % 1_000}` } }],
        },
      ],
    },
  },
});

const instance = (index: number, name: string) => ({
  type: "Dataplane",
  mesh: "default",
  name: `many-${index}`,
  networking: {
    address: `10.${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    inbound: [{ port: 8080, tags: { [service]: name, "kuma.io/protocol": "http" } }],
  },
});

/** One change beside many things that it does not concern: what it costs must not grow with them. */
export async function measureScale(options: ScaleOptions): Promise<ScaleResult> {
  const { sizes, services, dataplanes, rounds, profiles, signal, onProgress } = options;
  const env: Record<string, string> = profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` };
  return withStack({ zones: ["east", "west"], kind: options.stack, env, onProgress }, async ({ stack, topologyBase }) => {
    const ports = topologyPorts(topologyBase);
    const topology = await startTopology(stack, ports, { east: "east", west: "west" }, (what) => onProgress(`start ${what}`));
    const [east, west] = [stack.zones["east"]!, stack.zones["west"]!];
    const url = `http://127.0.0.1:${ports.edgePort}`;
    const [global, inWest, gateway] = [new Client(stack.url), new Client(west.url), new Client(url)];
    const admin = `http://127.0.0.1:${ports.adminBase * 10 + 1}`;
    const put = async (client: Client, document: { type: string; name: string; mesh?: string }) => {
      const answer = await client.request({
        ...{ method: "PUT", path: pathOf(document as never), headers: { "content-type": "application/json" } },
        body: JSON.stringify(document),
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`PUT of ${document.name}: ${answer.statusCode} ${text}`);
      return { at: monotonicMs(), revision: Number(answer.headers["atoll-revision"]) };
    };
    const all = async (count: number, from: number, one: (index: number) => Promise<unknown>) => {
      let next = from;
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let index = next++; index < count; index = next++) {
            signal.throwIfAborted();
            await one(index);
          }
        }),
      );
    };
    try {
      await eventually(async () => (await fetch(`${url}/orders`)).status === 200, { limitMs: 60_000, everyMs: 50 });
      const route = readDocuments("gateways", ports).find(({ type, name }) => type === "MeshGatewayRoute" && name === "edge")!;
      onProgress(`${dataplanes} Dataplanes of ${services} services in zone west`);
      const cpu = new CpuWatch(stack, topology);
      const beganAt = monotonicMs();
      cpu.begin();
      await all(dataplanes, 0, (index) => put(inWest, instance(index, `many-${index % services}`)));
      const registration = { seconds: (monotonicMs() - beganAt) / 1_000, cpu: cpu.spent() };
      onProgress(`  registered in ${registration.seconds.toFixed(1)} s`);
      await apply(stack, fresh(route, sizes.length * rounds));
      const members = async (name: string): Promise<number> => {
        const text = await (
          await fetch(`${admin}/stats?filter=${encodeURIComponent(`^cluster\\.${name}\\b.*\\.membership_total$`)}`)
        ).text();
        return Number(/: (\d+)/.exec(text)?.[1] ?? NaN);
      };
      await eventually(async () => (await members(freshName(sizes.length * rounds - 1))) === 0, { limitMs });
      const steps: ScaleStep[] = [];
      let present = 0;
      let turn = 0;
      for (const size of sizes) {
        onProgress(`${size} unrelated routes`);
        await all(size, present, (index) => put(global, unrelated(index)));
        present = Math.max(present, size);
        const step: ScaleStep = { unrelated: size, routeMs: [], instanceMs: [], policyMs: [] };
        for (let round = 0; round < rounds; round++, turn++) {
          signal.throwIfAborted();
          const value = `s${turn}`;
          const effect = firstAnswer(gateway, "/round", ["location", `${url}/${value}`], { earliestMs: 2, limitMs });
          effect.catch(() => undefined);
          const routed = await put(global, withRound(route, value) as never);
          step.routeMs.push((await effect) - routed.at);
          await pause(20);

          const put1 = await put(inWest, instance(100_000 + turn, freshName(turn)));
          step.instanceMs.push((await untilAtLeast(1, () => members(freshName(turn)))) - put1.at);
          await pause(20);

          const sentAt = monotonicMs();
          const { revision } = await put(global, limit(turn));
          const applied = "applied default.edge-1";
          await eventually(async () => (await readTimelines(stack, east)).xds.get(revision)?.[applied] !== undefined, {
            limitMs,
            everyMs: 5,
          });
          step.policyMs.push((await readTimelines(stack, east)).xds.get(revision)![applied]! - sentAt);
          await pause(20);
        }
        const [one, two, three] = [step.routeMs, step.instanceMs, step.policyMs].map((times) => spread(times).p50.toFixed(1));
        onProgress(`  p50: route ${one} ms, instance ${two} ms, policy ${three} ms`);
        steps.push(step);
      }
      return { stack: options.stack, services, dataplanes, registration, steps, durableAppendMs: durableAppends(stack.workDir, 300, 500) };
    } finally {
      await Promise.all([global.close(), inWest.close(), gateway.close()]);
      await topology.close();
    }
  });
}

const freshName = (number: number): string => `fresh-${number}`;

/** Of what the gateway sends to one service: it reaches one proxy. Of a kind that meshes have none of by default, which would act in its place. */
const limit = (turn: number) => ({
  ...{ type: "RateLimit", mesh: "default", name: "scale" },
  sources: [{ match: { [service]: "edge" } }],
  destinations: [{ match: { [service]: freshName(0) } }],
  conf: { http: { requests: turn + 1, interval: "1s" } },
});

async function untilAtLeast(wanted: number, ask: () => Promise<number>): Promise<number> {
  const giveUpAt = monotonicMs() + limitMs;
  for (;;) {
    if ((await ask()) >= wanted) return monotonicMs();
    if (monotonicMs() > giveUpAt) throw new Error(`Envoy did not list the instance within ${limitMs} ms`);
    // Envoy answers on the thread that takes its configuration, too.
    await pause(2);
  }
}

/** A route of the gateway to each of the services that will come. */
function fresh(route: Record<string, unknown>, count: number): Record<string, unknown> {
  const changed = structuredClone(route) as { name: string; conf: { http: { rules: Record<string, unknown>[] } } };
  changed.name = "fresh";
  changed.conf.http.rules = Array.from({ length: count }, (_, index) => ({
    matches: [{ path: { match: "PREFIX", value: `/${freshName(index)}` } }],
    backends: [{ weight: 1, destination: { [service]: freshName(index) } }],
  }));
  return changed as unknown as Record<string, unknown>;
}
