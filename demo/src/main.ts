import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { eventually } from "@atoll/testkit/eventually";
import { runChecks } from "./checks.ts";
import { get, timeToEffect } from "./measure.ts";
import { type StackKind, stackKinds } from "./backends.ts";
import { globalPorts, secondGlobalPorts, secondXdsPorts, zonePorts } from "./ports.ts";
import { claimPorts } from "./port-range.ts";
import { startStack, type Stack } from "./stack.ts";
import { takenPorts } from "./taken-ports.ts";
import { apply, readDocuments, startTopology, topologyPorts, type Topology } from "./topology.ts";

const usage = `Starts Atoll's global service, its token issuer and the zones east and west, each with its xDS server, and six Envoys:
a request enters a builtin gateway in east, leaves through east's egress, enters west through its ingress, and reaches a sidecar.

usage: npm run demo -- [--once] [--stack embedded|kafka] [--port-base N] [--log-level LEVEL]

  --once           check that everything works, then stop; the exit status says how it went
  --stack kafka    on Kafka and a Redis for each zone, with two replicas of global and two xDS servers for each zone. They are those
                   of KAFKA_BROKERS and REDIS_URL, or are started: that needs Java 17, Maven and redis-server
  --port-base N    first of the ports used, N to N+399 and N+1000 to N+1099; without it, 17000 or the next that are free
  --log-level L    of the control plane's processes (warn); their output is shown if something fails
`;

const { values } = parseArgs({
  options: {
    once: { type: "boolean", default: false },
    stack: { type: "string", default: "embedded" },
    "port-base": { type: "string" },
    "log-level": { type: "string", default: "warn" },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

if (!stackKinds.some((kind) => kind === values.stack)) {
  console.error(`--stack is ${stackKinds.join(" or ")}, not "${values.stack}"`);
  process.exit(2);
}
const kind = values.stack as StackKind;
const basesAt = (base: number) => ({ global: base, east: base + 100, west: base + 200 });
const base = await portBase();
const ports = topologyPorts(base + 1000);
const stackBases = basesAt(base);
const began = performance.now();
const say = (message: string) => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${message}`);

const workDir = mkdtempSync(join(tmpdir(), "atoll-demo-"));
let stack: Stack | undefined;
let topology: Topology | undefined;
let stopping: Promise<void> | undefined;

function stop(): Promise<void> {
  return (stopping ??= (async () => {
    await topology?.close();
    await stack?.close();
    rmSync(workDir, { recursive: true, force: true });
  })());
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    console.log("\nstopping");
    stop().then(
      () => process.exit(values.once ? 1 : 0),
      () => process.exit(1),
    );
  });
}

try {
  stack = await startStack({
    workDir,
    globalBase: stackBases.global,
    zones: { east: stackBases.east, west: stackBases.west },
    kind,
    logLevel: values["log-level"],
    onProgress: (what) => say(`start  ${what}`),
  });
  topology = await startTopology(stack, ports, { east: "east", west: "west" }, (what) => say(`start  ${what}`));
  say("wait   for the first answer through all four hops");
  await eventually(async () => (await get(ports.edgePort, "/orders")).status === 200, { limitMs: 60_000, everyMs: 50 });
  say(`200    ${(await get(ports.edgePort, "/orders")).text.trim()}`);
  say(`route  changed on global, first effect in Envoy after ${(await measureRouteChange(stack)).toFixed(1)} ms (best of 5)`);
  if (values.once) {
    const failures = await runChecks(stack, ports, say);
    await stop();
    say(failures === 0 ? "all checks passed" : `${failures} checks failed`);
    process.exit(failures === 0 ? 0 : 1);
  }
  console.log(`
  Try it:
    curl http://127.0.0.1:${ports.edgePort}/orders      gateway (east) -> egress -> ingress (west) -> sidecar
    curl http://127.0.0.1:${ports.edgePort}/quotes      gateway -> egress -> a server outside of the mesh
    curl http://127.0.0.1:${ports.paymentsEdgePort}/            the other mesh, over the same egress and ingress
    curl http://127.0.0.1:${stackBases.global + 81}/meshes     the configuration, on global
    bin/atollctl --address http://127.0.0.1:${stackBases.global + 81} inspect dataplanes
    http://127.0.0.1:${stackBases.global + 81}/gui          the dashboard, in a browser

  Ctrl-C stops everything.
`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  for (const [name, proxy] of topology?.proxies ?? []) console.error(`--- ${name}\n${proxy.output().slice(-2_000)}`);
  for (const service of stack?.services ?? []) console.error(`--- ${service.name}\n${service.output().slice(-2_000)}`);
  await stop();
  process.exit(1);
}

/** Adds a response header to the route of /orders and waits until an answer carries it. */
async function measureRouteChange(on: Stack): Promise<number> {
  const route = readDocuments("gateways", ports).find((document) => document.type === "MeshGatewayRoute" && document.name === "edge")!;
  const times: number[] = [];
  for (let round = 1; round <= 5; round++) {
    const changed = structuredClone(route) as { conf: { http: { rules: { filters?: unknown[] }[] } } };
    changed.conf.http.rules[0]!.filters = [{ responseHeader: { set: [{ name: "x-round", value: String(round) }] } }];
    times.push(
      await timeToEffect(
        () => apply(on, changed as unknown as Record<string, unknown>),
        async () => (await get(ports.edgePort, "/orders")).headers["x-round"] === String(round),
        10_000,
      ),
    );
  }
  return Math.min(...times);
}

/** Every port of a run with this base. */
function portsAt(first: number): number[] {
  const { global, east, west } = basesAt(first);
  return [
    ...[globalPorts(global), secondGlobalPorts(global)].flatMap((one) => Object.values(one)),
    ...[east, west].flatMap((one) => Object.values({ ...zonePorts(one), ...secondXdsPorts(one) })),
    ...Object.entries(topologyPorts(first + 1000)).flatMap(([name, port]) =>
      name === "adminBase" ? [1, 2, 3, 4, 5, 6].map((digit) => port * 10 + digit) : [port],
    ),
  ];
}

/** Where the ports begin: as was asked, if nothing is in the way; else from 17000 on. */
async function portBase(): Promise<number> {
  const asked = values["port-base"];
  if (asked === undefined) return (await claimPorts({ preferred: 17_000, ports: portsAt })).base;
  const first = Number(asked);
  if (!Number.isInteger(first) || first < 1 || first > 64_400 || first % 10 !== 0) {
    console.error(`--port-base is a number from 10 to 64400 that ends in 0, not "${asked}"`);
    process.exit(2);
  }
  const taken = await takenPorts(portsAt(first));
  if (taken.length === 0) return first;
  console.error(`ports in use: ${taken.join(", ")}. Stop what listens there, or choose other ports with --port-base.`);
  process.exit(1);
}
