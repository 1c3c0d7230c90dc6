import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { StackKind } from "@atoll/demo/backends";
import type { Stack } from "@atoll/demo/stack";
import { pathOf, readDocuments, startTopology, topologyPorts, type Topology, type TopologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { Client } from "undici";
import { withStack } from "./bench-stack.ts";
import { monotonicMs } from "./clock.ts";
import { bareKafka, durableAppends } from "./floors.ts";
import { CpuWatch, type ProcessCpu } from "./process-cpu.ts";
import { withRound } from "./propagation.ts";
import { firstAnswer } from "./route-watch.ts";
import { writeRoutes } from "./unrelated-routes.ts";

export interface WritesOptions {
  stack: StackKind;
  /** That write at once, each with one request under way. */
  clients: number;
  seconds: number;
  /** Whether two zones with the sample application's proxies are connected. */
  zones: boolean;
  /** Routes that concern nobody and are there before. */
  resources: number;
  /** Folder for a CPU profile of each process. */
  profiles?: string | undefined;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface WritesResult {
  stack: StackKind;
  clients: number;
  zones: boolean;
  resources: number;
  acknowledged: number;
  seconds: number;
  /** Of each acknowledged write. */
  durationsMs: number[];
  /** Of changes of a route that go on meanwhile: from the PUT until the gateway's Envoy in the other zone answers by it. */
  propagationMs: number[];
  /** From the last answer to a write until each zone's xDS server had folded it. */
  behindMs: number[];
  /** Spent while writes were counted. */
  cpu: ProcessCpu[];
  floors: { durableAppendMs: number[]; bareKafkaMs: number[] };
}

const names = 1_000;
const warmUpMs = 2_000;
const betweenChangesMs = 50;
const limitMs = 60_000;

/** Writes policies on global as fast as it acknowledges them: each a PUT of one resource, durable and folded when it is answered. */
export async function measureWrites(options: WritesOptions): Promise<WritesResult> {
  const { clients, seconds, signal, onProgress, resources, profiles } = options;
  const zones = options.zones ? ["east", "west"] : [];
  const env: Record<string, string> = profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` };
  return withStack({ zones, kind: options.stack, env, onProgress }, async ({ stack, topologyBase }) => {
    const ports = topologyPorts(topologyBase);
    const topology = options.zones
      ? await startTopology(stack, ports, { east: "east", west: "west" }, (what) => onProgress(`start ${what}`))
      : undefined;
    try {
      if (topology) {
        const answers = async () => (await fetch(`http://127.0.0.1:${ports.edgePort}/orders`)).status === 200;
        await eventually(answers, { limitMs, everyMs: 50 });
      }
      if (resources > 0) {
        onProgress(`write ${resources} routes`);
        await writeRoutes(stack, resources, 1, signal);
        await xdsServersHave(stack, await revisionOf(stack.ports.diagnostics));
      }
      const storm = new Storm(stack, { clients, seconds, signal });
      const cpu = new CpuWatch(stack, topology);
      const changes = topology && changeRoute(stack, topology, ports, storm);
      onProgress(`${clients} clients write for ${seconds} s`);
      const counted = Promise.all([storm.begins.then(() => cpu.begin()), storm.ends.then(() => cpu.spent())]);
      await storm.run();
      const propagationMs = (await changes) ?? [];
      const endedAt = monotonicMs();
      await xdsServersHave(stack, await revisionOf(stack.ports.diagnostics));
      const behindMs = options.zones ? [monotonicMs() - endedAt] : [];
      const bytes = timeout("write-1").length;
      return {
        stack: options.stack,
        clients,
        zones: options.zones,
        resources,
        acknowledged: storm.durationsMs.length,
        seconds,
        durationsMs: storm.durationsMs,
        propagationMs,
        behindMs,
        cpu: (await counted)[1],
        floors: {
          durableAppendMs: durableAppends(stack.workDir, 300, bytes),
          bareKafkaMs: stack.brokers === undefined ? [] : await bareKafka(stack.brokers, 300, bytes),
        },
      };
    } finally {
      await topology?.close();
    }
  });
}

/** Clients that write without a pause; what they do after a time of warming up counts. */
class Storm {
  readonly durationsMs: number[] = [];
  readonly begins: Promise<void>;
  readonly ends: Promise<void>;
  readonly beganAt: number;
  readonly endsAt: number;
  readonly #stack: Stack;
  readonly #clients: number;
  readonly #signal: AbortSignal;

  constructor(stack: Stack, options: Pick<WritesOptions, "clients" | "seconds" | "signal">) {
    this.#stack = stack;
    this.#clients = options.clients;
    this.#signal = options.signal;
    const lengthMs = options.seconds * 1_000;
    this.beganAt = monotonicMs() + warmUpMs;
    this.endsAt = this.beganAt + lengthMs;
    this.begins = pause(warmUpMs);
    this.ends = pause(warmUpMs + lengthMs);
  }

  async run(): Promise<void> {
    await Promise.all([...Array.from({ length: this.#clients }, (_, number) => this.#write(number)), this.ends]);
  }

  async #write(number: number): Promise<void> {
    const client = new Client(this.#stack.url);
    try {
      for (let turn = number; monotonicMs() < this.endsAt; turn += this.#clients) {
        this.#signal.throwIfAborted();
        const name = `write-${turn % names}`;
        const sentAt = monotonicMs();
        await put(client, `/meshes/default/timeouts/${name}`, timeout(name));
        const answeredAt = monotonicMs();
        if (answeredAt >= this.beganAt && answeredAt < this.endsAt) this.durationsMs.push(answeredAt - sentAt);
      }
    } finally {
      await client.close();
    }
  }
}

/** Changes what the gateway answers, one change after the other, until the storm ends; those that began in it count. */
async function changeRoute(stack: Stack, topology: Topology, ports: TopologyPorts, storm: Storm): Promise<number[]> {
  const url = `http://127.0.0.1:${topology.ports.edgePort}`;
  const [global, gateway] = [new Client(stack.url), new Client(url)];
  const route = readDocuments("gateways", ports).find(({ type, name }) => type === "MeshGatewayRoute" && name === "edge")!;
  const durationsMs: number[] = [];
  try {
    for (let number = 1; monotonicMs() < storm.endsAt; number++) {
      const value = String(number);
      const sentAt = monotonicMs();
      // Asked every two milliseconds: without a pause, asking would take the processor from what is measured.
      const effect = firstAnswer(gateway, "/round", ["location", `${url}/${value}`], { earliestMs: 2, everyMs: 2, limitMs });
      effect.catch(() => undefined);
      await put(global, pathOf(route), JSON.stringify(withRound(route, value)));
      const effectAt = await effect;
      if (sentAt >= storm.beganAt && sentAt < storm.endsAt) durationsMs.push(effectAt - sentAt);
      await pause(betweenChangesMs);
    }
    return durationsMs;
  } finally {
    await global.close();
    await gateway.close();
  }
}

async function put(client: Client, path: string, body: string): Promise<void> {
  const answer = await client.request({ method: "PUT", path, headers: { "content-type": "application/json" }, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 200 && answer.statusCode !== 201) throw new Error(`the write was refused: ${answer.statusCode} ${text}`);
}

const revisionOf = async (diagnosticsPort: number): Promise<number> =>
  ((await (await fetch(`http://127.0.0.1:${diagnosticsPort}/debug/replica`)).json()) as { revision: number }).revision;

async function xdsServersHave(stack: Stack, revision: number): Promise<void> {
  for (const port of Object.values(stack.zones).flatMap(({ xdsDiagnostics }) => xdsDiagnostics))
    await eventually(async () => (await revisionOf(port)) >= revision, { limitMs, everyMs: 5 });
}

/** Never twice the same, so that each write is a change. */
function timeout(name: string): string {
  return JSON.stringify({
    type: "Timeout",
    mesh: "default",
    name,
    sources: [{ match: { "kuma.io/service": name } }],
    destinations: [{ match: { "kuma.io/service": randomUUID() } }],
    conf: { connectTimeout: "5s" },
  });
}
