import { rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { eventually, scratchFolder } from "@atoll/testkit";
import { startOtlpGrpcCollector } from "@atoll/testkit/otlp-grpc-collector";
import { afterEach, beforeEach, expect, test } from "vitest";
import { getText } from "./scrape.ts";
import { startMetrics } from "./start-metrics.ts";

// The launcher's side of metrics, between an Envoy and an application that tell what they have, and a collector.
let folder: ReturnType<typeof scratchFolder>;
let asked: string[];
let said: string[];
let servers: Server[];
let metrics: ReturnType<typeof startMetrics> | undefined;
let config: object | undefined;

const serve = async (answer: (url: string) => string | undefined, path?: string): Promise<number> => {
  const server = createServer((request, response) => {
    const text = answer(request.url ?? "");
    if (text === undefined) response.writeHead(404).end();
    else response.end(text);
  });
  servers.push(server);
  await new Promise<void>((resolve) => (path === undefined ? server.listen(0, "127.0.0.1", resolve) : server.listen(path, resolve)));
  return path === undefined ? (server.address() as AddressInfo).port : 0;
};
const configPath = () => join(folder.path, "kuma-mesh-metric-config.sock");
const told = (path: string) => getText({ socketPath: join(folder.path, "kuma-mh-web-1-default.sock"), path });
const configure = async (observed: object) => {
  config = { observability: { metrics: observed } };
  await serve(() => JSON.stringify(config), configPath());
};
let app: { name: string; address: string; port: number; path: string };

beforeEach(async () => {
  [asked, said, servers, metrics, config] = [[], [], [], undefined, undefined];
  folder = scratchFolder();
  const envoy = await serve((url) => {
    asked.push(url);
    return '# TYPE envoy_server_live gauge\nenvoy_server_live 1\n# TYPE envoy_x counter\nenvoy_x{envoy_cluster_name="web-0123456789abcdef"} 1\n';
  });
  const port = await serve((url) => (url === "/app" ? "# TYPE orders gauge\norders 7\n" : undefined));
  app = { name: "app", address: "127.0.0.1", port, path: "/app" };
  metrics = startMetrics({
    ...{ folder: folder.path, name: "web-1", mesh: "default", service: "web", address: "127.0.0.1", isTransparent: false },
    admin: { address: "127.0.0.1", port: envoy },
    aggregate: [app, { ...app, name: "away", path: "/nothing" }],
    say: (message) => said.push(message),
  });
});

afterEach(async () => {
  await metrics?.close();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  folder[Symbol.dispose]();
});

test("by the metrics of the mesh: Envoy's with the query that was asked, and applications'; one that is away is named once", async () => {
  for (let round = 0; round < 2; round++) {
    const { status, text } = await told("/?filter=a%5C.b&usedonly");
    expect(status).toBe(200);
    expect(text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([
      "orders 7",
      "envoy_server_live 1",
      'envoy_x{envoy_cluster_name="web",kuma_io_mesh_traffic="true"} 1',
    ]);
  }
  expect(asked[0]).toBe("/stats?format=prometheus&text_readouts&filter=a%5C.b&usedonly");
  expect(said).toEqual([expect.stringMatching(/^metrics of away at 127\.0\.0\.1:\d+\/nothing: it answered 404$/)]);
});

test("by a MeshMetric: applications' and the profile's, with the labels of the proxy", async () => {
  await configure({
    applications: [{ ...app, address: "" }],
    backends: [{ type: "Prometheus", name: null }],
    sidecar: { includeUnused: true },
    extraLabels: { version: "v1" },
  });
  const { text } = await told("/meshmetric");
  const labels = 'mesh="default",dataplane="web-1",service="web",version="v1"';
  expect(text).toBe(`# TYPE orders gauge\norders{${labels}} 7\n# TYPE envoy_server_live gauge\nenvoy_server_live{${labels}} 1\n`);
  expect(asked).toEqual(["/stats?format=prometheus&text_readouts"]);
});

test("to a collector: from when Envoy says so until it does not, as long as there is something to send", async () => {
  const socket = join(folder.path, "kuma-otel-collector-4317.sock");
  const collector = await startOtlpGrpcCollector({ path: socket });
  try {
    await configure({
      applications: [app],
      backends: [{ type: "OpenTelemetry", name: "collector-4317", openTelemetry: { endpoint: socket, refreshInterval: "100ms" } }],
      extraLabels: { version: "v1" },
    });
    await eventually(() => collector.received("metrics").includes("orders"), { limitMs: 15_000 });
    expect(collector.connections()).toBe(1);
    for (const part of ["envoy_server_live", "dataplane", "web-1", "version", "v1"]) expect(collector.received("metrics")).toContain(part);
    expect(collector.received("metrics")).not.toContain("envoy_x");
    expect(asked).toContain("/stats?format=prometheus&text_readouts&usedonly");
    config = { observability: { metrics: { backends: [] } } };
    // Envoy makes another socket for something else, and the launcher asks again.
    await serve(() => "", join(folder.path, "kuma-otel-other.sock"));
    await eventually(() => collector.connections() === 0, { limitMs: 15_000 });
  } finally {
    await collector.close();
    rmSync(socket, { force: true });
  }
});
