import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { type StackKind, stackKinds } from "@atoll/demo/backends";
import { measureColdStart } from "./coldstart.ts";
import { measureEndpoints } from "./endpoints.ts";
import { measureGateway } from "./gateway.ts";
import { measureMemory } from "./memory.ts";
import { measurePropagation } from "./propagation.ts";
import { recordTrace } from "./record-trace.ts";
import {
  renderColdStart,
  renderEndpoints,
  renderGateway,
  renderMemory,
  renderPropagation,
  renderScale,
  renderSize,
  renderWrites,
} from "./render.ts";
import { renderTrace } from "./render-trace.ts";
import { measureScale, type ScaleOptions } from "./scale.ts";
import { measureSize } from "./size.ts";
import { measureWrites, type WritesOptions } from "./writes.ts";

const usage = `Measures Atoll on this machine, with real Envoys. Prints Markdown.

usage: npm run bench -- [BENCHMARK] [--stack embedded|kafka] [options]

  propagation   from the PUT of a MeshGatewayRoute on global until the gateway's Envoy in zone east serves by it (the default)
                --rounds N (100), --warm-up N (10), --pause-ms N (20) between the effect of a change and the next one,
                --policies N (0) with a targetRef that are there before, about fifty services
  writes        acknowledged writes a second on one global while two zones and their proxies follow: --clients N (8), --seconds N (10),
                --present N (0) routes that are there before, --no-zones, --profiles DIR gets a CPU profile of each process
  coldstart     a zone with nothing on its disk, until it has 10,000 resources: --resources N, --rounds N (5)
  endpoints     a new instance in zone west until the gateway's Envoy in zone east lists it: --rounds N (50)
  gateway       one changed route of 200 on one gateway, to 200 services: --routes N, --rounds N (50)
  memory        resident memory and start-up time of each process of a zone with four proxies: --rounds N (100)
  scale         one change beside many things that it does not concern: a route, an instance, a policy that reaches one proxy, with 0 to 25,000
                unrelated routes: --routes LIST (0,1000,10000,25000), --services N (1000), --dataplanes N (5000), --rounds N (50);
                and what registering the Dataplanes takes. --profiles DIR gets a CPU profile of each process
  size          what resources cost in memory, on disk, at a restart and in a backup: --resources N (10000)
  trace         one change as OpenTelemetry saw it, the median of 21; --json FILE gets the trace alone, as OTLP

  --stack S     embedded logs, or Kafka and a Redis for each zone: those of KAFKA_BROKERS and REDIS_URL, or started (embedded)
  --json FILE   writes every figure there
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    stack: { type: "string", default: "embedded" },
    rounds: { type: "string" },
    resources: { type: "string", default: "10000" },
    routes: { type: "string" },
    services: { type: "string", default: "1000" },
    dataplanes: { type: "string", default: "5000" },
    "warm-up": { type: "string", default: "10" },
    "pause-ms": { type: "string", default: "20" },
    clients: { type: "string", default: "8" },
    seconds: { type: "string", default: "10" },
    present: { type: "string", default: "0" },
    policies: { type: "string", default: "0" },
    zones: { type: "boolean", default: true },
    profiles: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});

const ended = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ended.abort(new Error(`ended by ${signal}`)));
const common = { stack: values.stack as StackKind, signal: ended.signal, onProgress: (message: string) => console.error(message) };

/** Each measures, and answers its figures and how they read. */
const benchmarks: Record<string, () => Promise<{ result: unknown; text: string }>> = {
  propagation: () =>
    shown(
      measurePropagation({
        ...common,
        rounds: rounds(100),
        warmUp: whole("warm-up"),
        pauseMs: whole("pause-ms"),
        policies: whole("policies"),
      }),
      renderPropagation,
    ),
  writes: () => shown(measureWrites(writesOptions()), renderWrites),
  scale: () => shown(measureScale(scaleOptions()), renderScale),
  size: () => shown(measureSize({ ...common, resources: whole("resources") }), renderSize),
  coldstart: () => shown(measureColdStart({ ...common, resources: whole("resources"), rounds: rounds(5) }), renderColdStart),
  endpoints: () => shown(measureEndpoints({ ...common, rounds: rounds(50) }), renderEndpoints),
  gateway: () => shown(measureGateway({ ...common, routes: wholeOf("routes", values.routes ?? "200"), rounds: rounds(50) }), renderGateway),
  trace: () => shown(recordTrace(common), renderTrace),
  memory: () => shown(measureMemory({ ...common, rounds: rounds(100) }), renderMemory),
};

async function shown<Result>(measuring: Promise<Result>, render: (result: Result) => string): Promise<{ result: Result; text: string }> {
  const result = await measuring;
  return { result, text: render(result) };
}

const writesOptions = (): WritesOptions => ({
  ...common,
  clients: whole("clients"),
  seconds: whole("seconds"),
  resources: whole("present"),
  zones: values.zones,
  profiles: values.profiles,
});

const scaleOptions = (): ScaleOptions => ({
  ...common,
  sizes: (values.routes ?? "0,1000,10000,25000").split(",").map((size) => wholeOf("routes", size)),
  services: whole("services"),
  dataplanes: whole("dataplanes"),
  rounds: rounds(50),
  profiles: values.profiles,
});

const rounds = (usual: number): number => (values.rounds === undefined ? usual : whole("rounds"));

type WholeOption =
  | "rounds"
  | "resources"
  | "services"
  | "dataplanes"
  | "warm-up"
  | "pause-ms"
  | "clients"
  | "seconds"
  | "present"
  | "policies";
const whole = (name: WholeOption): number => wholeOf(name, values[name]);

function wholeOf(name: string, text: string | undefined): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  console.error(`--${name}: "${text}" is not a whole number`);
  process.exit(2);
}

const [what = "propagation"] = positionals;
const run = benchmarks[what];
if (values.help || run === undefined || !stackKinds.includes(common.stack)) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`;

try {
  const { result, text } = await run();
  console.log(`\nOn ${machine}, everything on it:\n`);
  console.log(text);
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      `${JSON.stringify(what === "trace" ? result : { benchmark: what, at: new Date().toISOString(), machine, result }, null, 1)}\n`,
    );
  process.exit(0);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
