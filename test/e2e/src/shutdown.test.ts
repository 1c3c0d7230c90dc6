import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { get } from "@atoll/demo/measure";
import { globalPorts, zonePorts } from "@atoll/demo/ports";
import { takenPorts } from "@atoll/demo/taken-ports";
import { eventually } from "@atoll/testkit/eventually";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyPidOf, isRunning, jsonHeaders, TestStack } from "./index.ts";

// What the processes leave behind: no secret in what they write, and nothing at all when they are told to stop.
const proxies = ["ingress-1", "orders-1", "ledger-1", "edge-1", "payments-edge-1", "egress-1"];
const pair = selfSignedPair(["shop.test"]);
let atoll: TestStack;
/** Every token and key that the test itself has seen in clear. */
const secrets: string[] = [];

beforeAll(async () => {
  atoll = await TestStack.start(31_750, { logLevel: "trace" });
  await atoll.startSample();
  await eventually(async () => (await get(atoll.ports.edgePort, "/orders")).status === 200, { limitMs: 20_000 });
}, 120_000);

afterAll(async () => {
  await atoll?.close();
}, 60_000);

const jwt = /eyJ[\w-]{8,}\.[\w-]{10,}\.[\w-]{10,}/;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Files that hold a log, with those that SQLite keeps beside it. */
function logFiles(): string[] {
  const { workDir } = atoll.stack;
  return readdirSync(workDir, { recursive: true, encoding: "utf8" })
    .filter((name) => /log\.sqlite/.test(name))
    .map((name) => join(workDir, name));
}

async function seeEverySecret(): Promise<void> {
  const issued = await Promise.all(
    [
      ["dataplane", { mesh: "default", name: "x", validFor: "1h" }],
      ["zone", { zone: "east", scope: ["cp", "ingress"], validFor: "1h" }],
      ["user", { name: "jo", validFor: "1h" }],
    ].map(([kind, body]) => atoll.call(`/tokens/${kind as string}`, { method: "POST", headers: jsonHeaders, body: JSON.stringify(body) })),
  );
  secrets.push(...issued.map(({ text }) => text));
  await atoll.apply({
    type: "Secret",
    mesh: "default",
    name: "shop",
    data: Buffer.from(pair.certificatePem + pair.privateKeyPem).toString("base64"),
  });
  const stored = [
    ...(await atoll.call("/secrets")).json<{ items: { data?: string }[] }>().items,
    ...(await atoll.call("/global-secrets")).json<{ items: { data?: string }[] }>().items,
  ];
  // Signing keys of two meshes, their CAs, the keys for zone and user tokens, the admin's token, the shop.
  expect(stored.length).toBeGreaterThanOrEqual(9);
  for (const { data } of stored) {
    const text = Buffer.from(data!, "base64").toString("latin1");
    if (!jwt.test(text) && !privateKey.test(text)) continue;
    secrets.push(data!, text, ...text.split("\n").filter((line) => line.length > 60));
  }
  for (const zone of ["east", "west"]) secrets.push(readFileSync(join(atoll.stack.workDir, `zone-${zone}`, "zone-token"), "utf8").trim());
  expect(secrets.length).toBeGreaterThan(50);
}

test("no log holds a token or a key in clear", async () => {
  await seeEverySecret();
  const files = logFiles();
  // Global's, unless it is in Kafka, and two zones', each with its write-ahead log.
  expect(files.length).toBeGreaterThanOrEqual(atoll.stack.kind === "kafka" ? 4 : 6);
  for (const file of files) {
    const bytes = readFileSync(file).toString("latin1");
    expect(bytes.length).toBeGreaterThan(0);
    expect(jwt.exec(bytes)?.[0], file).toBeUndefined();
    expect(privateKey.exec(bytes)?.[0], file).toBeUndefined();
    expect(
      secrets.filter((secret) => bytes.includes(secret)),
      file,
    ).toEqual([]);
  }
  // The search is not blind: what is no secret is found in clear.
  expect(files.some((file) => readFileSync(file).toString("latin1").includes("payments-edge"))).toBe(true);
});

test("keys are on disk in files that only their owner can read", () => {
  const { workDir } = atoll.stack;
  const keys = readdirSync(workDir, { recursive: true, encoding: "utf8" }).filter((name) => /\.key$|checkpoint\.json$/.test(name));
  expect(keys).toEqual(
    expect.arrayContaining(["global/global.key", "global/zone.key", "zone-east/checkpoint.json", "zone-west/checkpoint.key"]),
  );
  for (const key of keys) expect(statSync(join(workDir, key)).mode & 0o077, key).toBe(0);
});

test("the history and the debug views show no secret", async () => {
  const history = (await atoll.call("/revisions")).text;
  expect(history).toContain("dataplane-token-signing-key-default-1");
  const views = await Promise.all(
    [
      ...Object.values(globalPorts(atoll.base))
        .slice(-2)
        .map((port) => `http://127.0.0.1:${port}`),
      ...[10, 20]
        .flatMap((offset) => [zonePorts(atoll.base + offset).diagnostics, zonePorts(atoll.base + offset).xdsDiagnostics])
        .map((port) => `http://127.0.0.1:${port}`),
    ].map(async (url) => {
      const names = (await (await fetch(`${url}/debug`)).json()) as string[];
      const bodies = await Promise.all([...names, "/metrics"].map(async (name) => (await fetch(url + name)).text()));
      return bodies.join("\n");
    }),
  );
  for (const text of [history, ...views, (await atoll.call("/config")).text]) {
    expect(jwt.exec(text)?.[0]).toBeUndefined();
    expect(privateKey.exec(text)?.[0]).toBeUndefined();
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  }
});

test("the search for what is left finds what runs", () => {
  const found = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(atoll.stack.workDir))
    .map(Number);
  expect(found).toEqual(
    expect.arrayContaining([
      ...atoll.stack.services.map((service) => service.process.pid),
      ...proxies.map((name) => atoll.proxy(name).pid),
    ]),
  );
});

test("SIGTERM ends every proxy with status 0, and its Envoy with it", async () => {
  const envoys = proxies.map((name) => envoyPidOf(atoll.proxy(name))!);
  expect(envoys.every((pid) => isRunning(pid))).toBe(true);
  expect(await atoll.nacks()).toEqual([]);
  const began = performance.now();
  for (const name of proxies) atoll.proxy(name).signal("SIGTERM");
  expect(await Promise.all(proxies.map((name) => atoll.proxy(name).exited))).toEqual(proxies.map(() => 0));
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(envoys.filter((pid) => isRunning(pid))).toEqual([]);
});

test("SIGTERM ends every service with status 0 within seconds", async () => {
  const { services } = atoll.stack;
  const doubled = ["global-2", "xds-east-2", "xds-west-2"];
  expect(services.map((service) => service.name).toSorted()).toEqual(
    ["global", "tokens", "xds-east", "xds-west", "zone-east", "zone-west", ...(atoll.stack.kind === "kafka" ? doubled : [])].toSorted(),
  );
  // From global on, so that every other one ends without what it depends on.
  for (const service of services) {
    const began = performance.now();
    service.process.signal("SIGTERM");
    expect([service.name, await service.process.exited]).toEqual([service.name, 0]);
    expect(performance.now() - began, service.name).toBeLessThan(5_000);
  }
});

test("no process and no port is left", async () => {
  const ports = [globalPorts(atoll.base), zonePorts(atoll.base + 10), zonePorts(atoll.base + 20)].flatMap((one) => Object.values(one));
  const proxyPorts = [
    atoll.ports.edgePort,
    atoll.ports.paymentsEdgePort,
    atoll.ports.egressPort,
    atoll.ports.ingressPort,
    atoll.ports.ordersInbound,
    atoll.ports.ledgerInbound,
  ];
  expect(await takenPorts([...ports, ...proxyPorts, ...[1, 2, 3, 4, 5, 6].map((digit) => atoll.ports.adminBase * 10 + digit)])).toEqual([]);
  const left = readdirSync("/proc").filter(
    (name) => /^\d+$/.test(name) && isRunning(Number(name)) && environmentOf(name).includes(atoll.stack.workDir),
  );
  expect(left).toEqual([]);
});

test("what every process wrote, at the most talkative level, holds no token and no key", () => {
  const output = atoll.allOutput();
  for (const word of ["zone registered", "xDS server is ready", "proxy connected"]) expect(output).toContain(word);
  expect(jwt.exec(output)?.[0]).toBeUndefined();
  expect(privateKey.exec(output)?.[0]).toBeUndefined();
  expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
});

/** The services have their folder in their environment, the proxies in their arguments. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8") + readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has just ended
  }
}
