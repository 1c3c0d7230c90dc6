import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, freePort, scratchFolder, selfSignedPair, startProcess, type StartedProcess } from "@atoll/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

// `atoll-dp` as a process, with a control plane and an Envoy that do just what it looks at.
const command = fileURLToPath(new URL("../atoll-dp.ts", import.meta.url));
const pair = selfSignedPair();
const dataplane =
  "type: Dataplane\nmesh: default\nname: web-1\nnetworking: { address: 127.0.0.1, inbound: [{ port: 80, tags: { kuma.io/service: web } }] }\n";

let folder: ReturnType<typeof scratchFolder>;
let server: ReturnType<typeof createServer>;
let answers: { status: number; body: string }[];
let requests: Record<string, unknown>[];
let adminPort: number;
let started: StartedProcess[];

/** Says its version, writes down what it is told, and answers on its admin port. */
const envoyScript = (mode: string) => `#!${process.execPath}
const { appendFileSync, readFileSync, statSync } = require("node:fs");
if (process.argv[2] === "--version") {
  console.log("envoy  version: abc/1.40.0/Clean/RELEASE/BoringSSL");
  process.exit(0);
}
const log = (line) => appendFileSync(${JSON.stringify("LOG")}, line + "\\n");
const config = process.argv[process.argv.indexOf("--config-path") + 1];
log("pid " + process.pid);
log("mode " + (statSync(config).mode & 0o777).toString(8));
log("args " + process.argv.slice(2).filter((one) => one !== config).join(" "));
process.on("SIGTERM", () => { log("SIGTERM"); ${mode === "stubborn" ? "" : "process.exit(0);"} });
if (${JSON.stringify(mode)} === "fails") process.exit(7);
require("node:http").createServer((request, response) => { log(request.method + " " + request.url); response.end(); }).listen(${"PORT"}, "127.0.0.1", () => log("ready"));
`;

const envoyLog = () => (existsSync(join(folder.path, "envoy.log")) ? readFileSync(join(folder.path, "envoy.log"), "utf8") : "");
const envoyPid = () => Number(/^pid (\d+)$/m.exec(envoyLog())?.[1]);
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

beforeEach(async () => {
  folder = scratchFolder();
  adminPort = await freePort();
  requests = [];
  started = [];
  const bootstrap = Buffer.from(
    JSON.stringify({ admin: { address: { socketAddress: { address: "127.0.0.1", portValue: adminPort } } } }),
  ).toString("base64");
  const good = { status: 200, body: JSON.stringify({ bootstrap, kumaSidecarConfiguration: { networking: { address: "127.0.0.1" } } }) };
  answers = [good];
  server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ ...(JSON.parse(Buffer.concat(chunks).toString("utf8")) as object), path: request.url, told: envoyLog() });
      const { status, body } = answers.length > 1 ? answers.shift()! : answers[0]!;
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  writeFileSync(join(folder.path, "ca.crt"), pair.certificatePem);
  writeFileSync(join(folder.path, "dataplane.yaml"), dataplane);
});

afterEach(async () => {
  for (const one of started) one.signal("SIGKILL");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  folder[Symbol.dispose]();
});

async function run(
  mode: "well" | "fails" | "stubborn" = "well",
  env: Record<string, string> = {},
  more: { before?: string[]; after?: string[] } = {},
): Promise<StartedProcess> {
  const envoy = join(folder.path, "envoy");
  const script = envoyScript(mode)
    .replace('"LOG"', JSON.stringify(join(folder.path, "envoy.log")))
    .replace("PORT", String(adminPort));
  writeFileSync(envoy, script);
  chmodSync(envoy, 0o755);
  const { port } = server.address() as AddressInfo;
  const args = [
    "--conditions=@atoll/source",
    "--disable-warning=ExperimentalWarning",
    command,
    ...(more.before ?? []),
    "run",
    `--cp-address=https://localhost:${port}`,
  ];
  args.push(
    ...(more.after ?? []),
    `--ca-cert-file=${join(folder.path, "ca.crt")}`,
    `--dataplane-file=${join(folder.path, "dataplane.yaml")}`,
    `--binary-path=${envoy}`,
    "--dns-enabled=false",
  );
  const process_ = await startProcess(process.execPath, args, {
    env: {
      TMPDIR: folder.path,
      KUMA_READINESS_PORT: "0",
      KUMA_CONTROL_PLANE_RETRY_BACKOFF: "20ms",
      KUMA_DATAPLANE_DRAIN_TIME: "300ms",
      ...env,
    },
  });
  started.push(process_);
  return process_;
}
const ready = () => eventually(() => envoyLog().includes("ready"), { limitMs: 15_000 });
const temporaryFolders = () => readdirSync(folder.path).filter((name) => name.startsWith("atoll-dp-"));

describe("a run", () => {
  test("asks for the bootstrap as kuma-dp does, and starts Envoy with a file that others cannot read", async () => {
    await run();
    await ready();
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      mesh: "default",
      name: "web-1",
      proxyType: "dataplane",
      caCert: pair.certificatePem,
      operatingSystem: "linux",
      dnsPort: 15_054,
      features: ["feature-tcp-accesslog-via-named-pipe"],
      version: { envoy: { version: "1.40.0", build: "abc/1.40.0/Clean/RELEASE/BoringSSL", kumaDpCompatible: true } },
    });
    expect(JSON.parse(requests[0]!["dataplaneResource"] as string)).toMatchObject({ type: "Dataplane", name: "web-1" });
    expect(envoyLog()).toContain("mode 600");
    expect(envoyLog()).toContain(
      "args --config-path --drain-time-s 1 --drain-strategy immediate --disable-hot-restart --log-level info --cpuset-threads",
    );
  });

  test("flags on either side of run count: levels, certificates for Prometheus, and a file for its log", async () => {
    const log = join(folder.path, "logs", "dp.log");
    const [certPath, keyPath] = [join(folder.path, "ca.crt"), join(folder.path, "m.key")];
    writeFileSync(keyPath, pair.privateKeyPem);
    const dp = await run(
      "well",
      { KUMA_DATAPLANE_RESOURCES_MAX_MEMORY_BYTES: "1048576" },
      {
        before: [`--log-output-path=${log}`, "--log-level", "debug", "--metrics-cert-path", certPath, "--log-max-size=1"],
        after: ["--envoy-component-log-level=http:debug", `--metrics-key-path=${keyPath}`, "--log-max-age=1", "--log-max-retained-files=2"],
      },
    );
    await ready();
    expect(envoyLog()).toContain("--log-level debug --component-log-level http:debug --cpuset-threads");
    expect(requests[0]).toMatchObject({
      metricsResources: { certPath, keyPath },
      resources: { maxHeapSizeBytes: 1_048_576 },
    });
    expect(readFileSync(log, "utf8")).toMatch(/^\d{4}-\S+Z atoll-dp: the bootstrap configuration is in /);
    expect(dp.output()).toBe(`atoll-dp: logs will be stored in "${log}"\n`);
  });

  test("SIGTERM fails Envoy's health check, waits for the drain, and ends both", async () => {
    const dp = await run("well", { KUMA_READINESS_PORT: String(await freePort()) });
    await ready();
    const pipe = () => temporaryFolders().flatMap((name) => readdirSync(join(folder.path, name)));
    expect(pipe().sort()).toEqual(["bootstrap.yaml", "kuma-al-web-1-default.sock", "kuma-mh-web-1-default.sock"]);
    const began = performance.now();
    dp.signal("SIGTERM");
    expect(await dp.exited).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(290);
    expect(envoyLog().trim().split("\n").slice(-2)).toEqual(["POST /healthcheck/fail", "SIGTERM"]);
    expect(requests.at(-1)).toMatchObject({ path: "/leave", mesh: "default", name: "web-1", proxyType: "dataplane" });
    expect(requests.at(-1)!["told"]).not.toContain("/healthcheck/fail");
    expect(temporaryFolders()).toEqual([]);
  });

  test("a control plane that does not hear of it is said, and delays the end no longer than the drain", async () => {
    const dp = await run();
    await ready();
    answers = [{ status: 404, body: "this proxy is not registered" }];
    dp.signal("SIGTERM");
    expect(await dp.exited).toBe(0);
    expect(dp.output()).toContain("the control plane was not told that this proxy stops: it answered 404 this proxy is not registered");
  });

  test("a second signal ends the drain", async () => {
    const dp = await run("well", { KUMA_DATAPLANE_DRAIN_TIME: "60s" });
    await ready();
    dp.signal("SIGTERM");
    await eventually(() => envoyLog().includes("POST /healthcheck/fail"));
    dp.signal("SIGTERM");
    expect(await dp.exited).toBe(0);
    expect(envoyLog()).toContain("SIGTERM");
  });

  test("SIGUSR2 drains and goes on; after it the end comes at once", async () => {
    const dp = await run("well", { KUMA_DATAPLANE_DRAIN_TIME: "60s" });
    await ready();
    dp.signal("SIGUSR2");
    await eventually(() => envoyLog().includes("POST /drain_listeners?inboundonly&graceful&skip_exit"));
    expect(isAlive(envoyPid())).toBe(true);
    dp.signal("SIGTERM");
    expect(await dp.exited).toBe(0);
    expect(dp.output()).toContain("atoll-dp: draining connections");
  });

  test("while it drains, whoever balances load to it is told", async () => {
    const readiness = await freePort();
    const dp = await run("well", { KUMA_READINESS_PORT: String(readiness), KUMA_DATAPLANE_DRAIN_TIME: "60s" });
    await ready();
    const ask = async () => {
      const answer = await fetch(`http://127.0.0.1:${readiness}/ready`);
      return `${answer.status} ${await answer.text()}`;
    };
    expect(await ask()).toBe("200 READY");
    dp.signal("SIGTERM");
    await eventually(async () => (await ask()) === "503 TERMINATING");
    dp.signal("SIGTERM");
    await dp.exited;
  });

  test("SIGKILL leaves no Envoy behind, and no token", async () => {
    const dp = await run();
    await ready();
    const pid = envoyPid();
    expect([isAlive(pid), temporaryFolders().length]).toEqual([true, 1]);
    dp.signal("SIGKILL");
    await dp.exited;
    await eventually(() => !isAlive(pid) && temporaryFolders().length === 0);
  });

  test("an Envoy that ends ends it, with the same status", async () => {
    const dp = await run("fails");
    expect(await dp.exited).toBe(7);
    expect(dp.output()).toContain("atoll-dp: Envoy ended with status 7");
  });

  test("an Envoy that is killed ends it too", async () => {
    const dp = await run();
    await ready();
    process.kill(envoyPid(), "SIGKILL");
    expect(await dp.exited).toBe(137);
    expect(dp.output()).toContain("Envoy was ended by SIGKILL");
  });
});

describe("the bootstrap", () => {
  test("is asked for again while the control plane does not know the proxy, or is not well", async () => {
    answers = [{ status: 404, body: "" }, { status: 503, body: "" }, ...answers];
    const dp = await run();
    await ready();
    expect(requests).toHaveLength(3);
    expect(dp.output()).toMatch(/does not know this dataplane yet[\s\S]*answered 503/);
  });

  test("a refusal is final, in the control plane's words", async () => {
    answers = [{ status: 422, body: 'Resource is not valid: mesh: mesh "default" does not exist' }];
    const dp = await run();
    expect(await dp.exited).toBe(1);
    expect(dp.output()).toContain('Invalid request: Resource is not valid: mesh: mesh "default" does not exist');
    expect(temporaryFolders()).toEqual([]);
  });

  test("a wrong port is pointed out, and the time is limited", async () => {
    answers = [{ status: 404, body: "404: Page Not Found" }];
    const dp = await run("well", { KUMA_CONTROL_PLANE_RETRY_MAX_DURATION: "100ms" });
    expect(await dp.exited).toBe(1);
    expect(dp.output()).toMatch(/no bootstrap configuration within 0.1 s: .* is not a dataplane server: is it the API port\?/);
  });

  test("SIGTERM while it waits ends it at once", async () => {
    answers = [{ status: 404, body: "" }];
    const dp = await run("well", { KUMA_CONTROL_PLANE_RETRY_BACKOFF: "60s" });
    await eventually(() => requests.length === 1, { limitMs: 15_000 });
    await eventually(() => dp.output().includes("trying again"));
    dp.signal("SIGTERM");
    expect(await dp.exited).toBe(0);
  });
});

test("an Envoy that is not there is named", async () => {
  const dp = await run();
  dp.signal("SIGKILL");
  const { port } = server.address() as AddressInfo;
  const other = await startProcess(process.execPath, [
    "--conditions=@atoll/source",
    "--disable-warning=ExperimentalWarning",
    command,
    "run",
    `--cp-address=https://localhost:${port}`,
    "--name=a",
    "--binary-path=/nowhere/envoy",
  ]);
  started.push(other);
  expect(await other.exited).toBe(1);
  expect(other.output()).toMatch(/atoll-dp: cannot run Envoy at "\/nowhere\/envoy" \(--binary-path, ENVOY_PATH\)/);
});
