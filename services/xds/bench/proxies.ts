/**
 * A thousand simulated proxies on one xDS server: how long until all have their configuration, what a change for all of them takes until
 * the last acknowledgement, and what the server costs when nothing happens.
 *
 *   node --conditions=@atoll/source services/xds/bench/proxies.ts [proxies, default 1000]
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { builtinCaSecretNames, createBuiltinCa } from "@atoll/certificate";
import { sealSecret } from "@atoll/secret";
import { ZoneUnderTest } from "../test/zone-fixture.ts";

const count = Number(process.argv[2] ?? 1_000);
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
const timeout = (seconds: number) => ({
  type: "Timeout",
  mesh: "default",
  name: "all",
  sources: every,
  destinations: every,
  conf: { connectTimeout: `${seconds}s` },
});
await zone.apply(
  { type: "Mesh", name: "default", mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } },
  { type: "TrafficRoute", mesh: "default", name: "all", sources: every, destinations: every, conf: { destination: { [service]: "*" } } },
  { type: "TrafficPermission", mesh: "default", name: "all", sources: every, destinations: every },
  timeout(1),
);
const xds = await zone.startXds("xds-1", { replicaBeatIntervalMs: 15_000 });
await delay(500);
const bareMb = memoryMb();
const clients = fork(new URL("./proxy-clients.ts", import.meta.url), [String(xds.port), String(count)], {
  env: { ...process.env, CA: zone.caPem },
});
const line = (what: string, since: NodeJS.CpuUsage, began: number) => {
  const { user, system } = process.cpuUsage(since);
  console.log(
    `${what.padEnd(48)} ${(performance.now() - began).toFixed(0).padStart(7)} ms  ${((user + system) / 1000).toFixed(0).padStart(6)} ms CPU  ${memoryMb().toFixed(0).padStart(5)} MB`,
  );
};

let [since, began] = [process.cpuUsage(), performance.now()];
await once(clients, "message");
line(`${count} proxies have all they need`, since, began);
await delay(4_000);
for (let turn = 0; turn < 5; turn++) {
  [since, began] = [process.cpuUsage(), performance.now()];
  clients.send(`Timeout ${turn}`);
  const done = once(clients, "message");
  await zone.apply(timeout(2 + turn));
  await done;
  line("a Timeout for all: last acknowledgement", since, began);
  await delay(3_000);
}
[since, began] = [process.cpuUsage(), performance.now()];
await delay(10_000);
line("ten seconds in which nothing happens", since, began);
console.log(`memory without proxies ${bareMb.toFixed(0)} MB`);
clients.kill();
await zone[Symbol.asyncDispose]();

function memoryMb(): number {
  return process.memoryUsage.rss() / 1e6;
}
