/**
 * Many simulated proxies on one xDS server: how long until all have their configuration, what a change for all of them takes until the last
 * acknowledgement, what a change for one service, and what the server costs when nothing happens.
 *
 *   npm run build, then with ATOLL_BUNDLE=1, so that the server is the one that is deployed:
 *   node --conditions=@atoll/source services/xds/bench/proxies.ts [proxies, default 1000] [services, default 10]
 *   ... with --cpu-prof-dir=DIR: a CPU profile of the server goes there
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { builtinCaSecretNames, createBuiltinCa } from "@atoll/certificate";
import { sealSecret } from "@atoll/secret";
import { eventually, freePort, startProcess } from "@atoll/testkit";
import { ZoneUnderTest } from "../test/zone-fixture.ts";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { "cpu-prof-dir": { type: "string" } } });
const [count, services] = [Number(positionals[0] ?? 1_000), Number(positionals[1] ?? 10)];
const service = "kuma.io/service";
const every = [{ match: { [service]: "*" } }];
const zone = await ZoneUnderTest.start();
const ca = await createBuiltinCa({ mesh: "default", nowMs: Date.now() });
const names = builtinCaSecretNames("default", "ca-1");
const secret = (name: string, text: string) =>
  sealSecret({ zone: zone.sealingKey }, { type: "Secret", mesh: "default", name, spec: { data: Buffer.from(text).toString("base64") } });
await zone.config.submit({
  id: randomUUID(),
  at: new Date().toISOString(),
  author: "bench",
  expect: [],
  changes: [secret(names.cert, ca.certPem), secret(names.key, ca.keyPem)].map((resource) => ({ op: "put", resource })),
});
const timeout = (seconds: number, destination = "*") => ({
  type: "Timeout",
  mesh: "default",
  name: destination === "*" ? "all" : destination,
  sources: every,
  destinations: [{ match: { [service]: destination } }],
  conf: { connectTimeout: `${seconds}s` },
});
await zone.apply(
  { type: "Mesh", name: "default", mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } },
  { type: "TrafficRoute", mesh: "default", name: "all", sources: every, destinations: every, conf: { destination: { [service]: "*" } } },
  { type: "TrafficPermission", mesh: "default", name: "all", sources: every, destinations: every },
  timeout(1),
);
const [port, diagnostics] = [await freePort(), await freePort()];
const settingsFile = join(zone.folder.path, "xds.json");
const settings = zone.xdsSettings("xds-1", { port, diagnostics, xds: { replicaBeatIntervalMs: 15_000 } });
writeFileSync(settingsFile, JSON.stringify(settings));
const profileTo = values["cpu-prof-dir"];
const server = await startProcess(fileURLToPath(new URL("../../../bin/atoll", import.meta.url)), ["run", "xds", "-c", settingsFile], {
  env: profileTo === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileTo}` },
});
await eventually(async () => (await fetch(`http://127.0.0.1:${diagnostics}/readyz`)).status === 200, { limitMs: 60_000, everyMs: 50 });
await delay(500);
const bare = used();
const clients = fork(new URL("./proxy-clients.ts", import.meta.url), [String(port), String(count), String(services)], {
  env: { ...process.env, CA: zone.caPem },
});

await measured(`${count} proxies of ${services} services have all they need`, () => once(clients, "message"));
await measured("  four seconds afterwards", () => delay(4_000));
for (let turn = 0; turn < 5; turn++) {
  await measured("a Timeout for all: last acknowledgement", async () => {
    clients.send("all");
    const done = once(clients, "message");
    await zone.apply(timeout(2 + turn));
    await done;
  });
  await measured("  three seconds afterwards", () => delay(3_000));
}
for (let turn = 0; turn < 5; turn++) {
  await measured("a Timeout for one service: first acknowledgement", async () => {
    clients.send("any");
    const done = once(clients, "message");
    await zone.apply(timeout(2 + turn, "service-1"));
    await done;
  });
  await delay(1_000);
}
await measured("ten seconds in which nothing happens", () => delay(10_000));
console.log(`memory of the server without proxies ${bare.memoryMb.toFixed(0)} MB`);
await told();
await ended(clients);
await server.stop(8_000);
await zone[Symbol.asyncDispose]();

async function measured(what: string, run: () => Promise<unknown>): Promise<void> {
  const [before, began] = [used(), performance.now()];
  await run();
  const tookMs = performance.now() - began;
  const { cpuMs, memoryMb } = used();
  const spent = (cpuMs - before.cpuMs).toFixed(0).padStart(6);
  console.log(`${what.padEnd(52)} ${tookMs.toFixed(0).padStart(7)} ms  ${spent} ms CPU  ${memoryMb.toFixed(0).padStart(5)} MB`);
}

/** Of the server, since it began: resident memory, and the CPU time of all its threads as the kernel counts it. */
function used(): { cpuMs: number; memoryMb: number } {
  const stat = readFileSync(`/proc/${server.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))![1];
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, memoryMb: Number(resident) / 1024 };
}

/** What its memory is made of, as the server's own metrics and the kernel have it. */
async function told(): Promise<void> {
  const metrics = await (await fetch(`http://127.0.0.1:${diagnostics}/metrics`)).text();
  const mb = (text: string, unit = 1 << 20): string => `${(Number(text) / unit).toFixed(0)} MB`;
  for (const [, name, value] of metrics.matchAll(/^nodejs_(heap_size_total|heap_size_used|external_memory)_bytes ([\d.e+]+)/gm))
    console.log(`  ${name} ${mb(value!)}`);
  for (const [, name, value] of readFileSync(`/proc/${server.pid}/status`, "utf8").matchAll(/^(Rss\w+):\s+(\d+) kB/gm))
    console.log(`  ${name} ${mb(value!, 1024)}`);
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill();
  await exited;
}
