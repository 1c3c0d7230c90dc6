import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { measureMemory } from "./memory.ts";
import { measurePropagation } from "./propagation.ts";
import { recordTrace } from "./record-trace.ts";
import { renderMemory, renderPropagation } from "./render.ts";
import { renderTrace } from "./render-trace.ts";

const usage = `Measures Atoll on this machine, with real Envoys and the embedded log.

usage: npm run bench -- [propagation | memory | trace] [--rounds N] [--warm-up N] [--pause-ms N] [--json FILE]

  propagation   from the PUT of a MeshGatewayRoute on global until the gateway's Envoy in zone east serves by it (the default)
  memory        resident memory and start-up time of each process of a zone with four proxies
  trace         one change as OpenTelemetry saw it, the median of 21; with --json FILE the trace goes there as OTLP
  --rounds N    changes that are measured (100)
  --warm-up N   changes before them (10)
  --pause-ms N  between the effect of a change and the next one (20)
  --json FILE   writes every figure there
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "100" },
    "warm-up": { type: "string", default: "10" },
    "pause-ms": { type: "string", default: "20" },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const [what = "propagation"] = positionals;
if (values.help || !["propagation", "memory", "trace"].includes(what)) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
const whole = (name: "rounds" | "warm-up" | "pause-ms") => {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 0) {
    console.error(`--${name}: "${values[name]}" is not a whole number`);
    process.exit(2);
  }
  return number;
};
const ended = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ended.abort(new Error(`ended by ${signal}`)));
const common = { rounds: whole("rounds"), signal: ended.signal, onProgress: (message: string) => console.error(message) };
const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`;

try {
  if (what === "trace") {
    const trace = await recordTrace(common);
    console.log(`\nOn ${machine}, everything on it:\n\n${renderTrace(trace)}`);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(trace, null, 1)}\n`);
    process.exit(0);
  }
  const result =
    what === "memory"
      ? await measureMemory(common)
      : await measurePropagation({ ...common, warmUp: whole("warm-up"), pauseMs: whole("pause-ms") });
  console.log(`\nOn ${machine}, everything on it:\n`);
  console.log(Array.isArray(result) ? renderMemory(result) : renderPropagation(result));
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ benchmark: what, at: new Date().toISOString(), machine, result }, null, 1)}\n`);
  process.exit(0);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
