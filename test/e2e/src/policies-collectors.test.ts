import { eventually } from "@atoll/testkit/eventually";
import { startOtlpGrpcCollector, type OtlpGrpcCollector } from "@atoll/testkit/otlp-grpc-collector";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { lineSink, type LineSink } from "./line-sink.ts";
import { connection, gatewayRoute, mesh, MeshBed, prefixRule } from "./mesh-bed.ts";
import { rest } from "./rest.ts";

// What policies with a targetRef have proxies tell: metrics to Prometheus and to a collector, logs and spans to collectors. Each is seen
// missing, there and gone again, on a sidecar and on a builtin gateway. The launcher has a part in it: `ATOLL_TEST_DP` names another one.
let bed: MeshBed;
let collector: OtlpGrpcCollector;
let zipkin: Backend;
let datadog: Backend;
let sink: LineSink;
let told: { app: Backend; port: number };
const [client, edge, metricsPort, meshMetricsPort, otherPort] = [0, 1, 2, 3, 4];
const callers = [
  {
    caller: "a sidecar",
    of: "client",
    proxy: "client-1",
    number: client,
    top: { kind: "MeshSubset", tags: { "kuma.io/service": "client" } },
  },
  { caller: "a builtin gateway", of: "edge", proxy: "edge-1", number: edge, top: { kind: "MeshGateway", name: "edge" } },
] as const;
const policy = (type: string, targetRef: object, spec: object) => ({ type, mesh: "default", name: "told", spec: { targetRef, ...spec } });
const toAll = (conf: object) => ({ to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
const limits = { limitMs: 30_000, everyMs: 200 };
/** kuma-dp asks Envoy every so often what to tell. */
const env = { KUMA_DATAPLANE_RUNTIME_DYNAMIC_CONFIGURATION_REFRESH_INTERVAL: "1s" };

beforeAll(async () => {
  bed = await MeshBed.start(17_800, { zones: ["east"] });
  collector = await startOtlpGrpcCollector({ port: bed.freshPort() });
  sink = await lineSink(bed.freshPort());
  ({ app: zipkin } = await bed.backend("zipkin", bed.port(5)));
  ({ app: datadog } = await bed.backend("datadog", bed.port(6)));
  datadog.respond = () => ({ body: '{"rate_by_service":{"service:,env:":1}}' });
  told = await bed.backend("told");
  told.app.respond = () => ({
    body: "# TYPE orders_open gauge\norders_open 7\n",
    headers: { "content-type": "text/plain; version=0.0.4" },
  });
  const aggregate = [{ name: "told", port: told.port, path: "/app-metrics", address: "127.0.0.1" }];
  const conf = { port: bed.port(meshMetricsPort), path: "/mesh-metrics", tls: { mode: "disabled" }, aggregate };
  const documents = [
    mesh("default", { metrics: { enabledBackend: "prom", backends: [{ name: "prom", type: "prometheus", conf }] } }),
    connection("TrafficPermission", "allow-all", {}),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  // Of two proxies on one address one alone has the port of the mesh's metrics.
  const own = { metrics: { type: "prometheus", conf: { port: bed.port(otherPort) } } };
  await Promise.all([
    bed.service("web", "web-1", { env, own }),
    bed.service("client", "client-1", { outbound: { [client]: "web" }, env }),
    bed.gateway("edge", "edge-1", { env, own: { metrics: { type: "prometheus", conf: { port: bed.freshPort() } } } }),
  ]);
  for (const number of [client, edge]) await bed.answers(number, 200);
}, 120_000);

afterAll(async () => {
  const nacks = await bed?.close();
  await collector?.close();
  sink?.server.close();
  expect(nacks).toEqual([]);
}, 60_000);

const page = async (number: number, path: string): Promise<string> => {
  try {
    const { status, text } = await rest(`http://127.0.0.1:${bed.port(number)}${path}`, { headers: { connection: "close" } });
    return status === 200 ? text : `status ${status}`;
  } catch (error) {
    return (error as Error).message;
  }
};

test("the metrics of the Mesh have those of applications beside Envoy's", async () => {
  const text = await eventually(async () => {
    const found = await page(meshMetricsPort, "/mesh-metrics");
    return found.includes("orders_open 7") ? found : undefined;
  }, limits);
  expect(text).toContain("envoy_server_live");
  expect(text).toMatch(/kuma_io_mesh_traffic="true"/);
});

describe.each(callers)("MeshMetric on $caller", ({ of, proxy, top }) => {
  const applications = [{ name: "told", port: 0, path: "/app-metrics", address: "127.0.0.1" }];
  const conf = (backends: object[], sidecar?: object) => ({
    default: { applications: applications.map((one) => ({ ...one, port: told.port })), backends, ...(sidecar && { sidecar }) },
  });

  test("Prometheus reads what the profile tells, and applications', with the labels of the proxy; in place of the Mesh's", async () => {
    const backends = [{ type: "Prometheus", prometheus: { port: bed.port(metricsPort), path: "/policy-metrics" } }];
    const read = () => page(metricsPort, "/policy-metrics");
    const line = (text: string, name: string) => text.split("\n").find((one) => one.startsWith(`${name}{`)) ?? "";
    expect(await read()).toContain("ECONNREFUSED");
    await bed.during(policy("MeshMetric", top, conf(backends)), async () => {
      const text = await eventually(async () => {
        const found = await read();
        const labelled = ["orders_open", "envoy_server_live"].every((name) => line(found, name).includes(`kuma_io_service="${of}"`));
        return labelled ? found : undefined;
      }, limits);
      for (const name of ["orders_open", "envoy_server_live"]) {
        for (const label of [`mesh="default"`, `dataplane="${proxy}"`]) expect(line(text, name)).toContain(label);
      }
      expect(text).not.toMatch(/^envoy_listener_manager_lds/m);
      if (of === "client") expect(await page(meshMetricsPort, "/mesh-metrics")).toContain("ECONNREFUSED");
      const include = [{ type: "Exact", match: "envoy_server_uptime" }];
      const narrow = policy("MeshMetric", top, conf(backends, { profiles: { appendProfiles: [{ name: "None" }], include } }));
      await bed.apply(narrow);
      const names = async () => new Set((await read()).match(/^envoy_\w+/gm));
      await eventually(async () => JSON.stringify([...(await names())]) === '["envoy_server_uptime"]', limits);
    });
    await eventually(async () => (await read()).includes("ECONNREFUSED"), limits);
    if (of === "client") await eventually(async () => (await page(meshMetricsPort, "/mesh-metrics")).includes("orders_open"), limits);
  });

  test("an OpenTelemetry collector is sent the same", async () => {
    const endpoint = `127.0.0.1:${collector.port}`;
    const backends = [{ type: "OpenTelemetry", openTelemetry: { endpoint, refreshInterval: "1s" } }];
    collector.clear();
    await bed.during(policy("MeshMetric", top, conf(backends)), async () => {
      await eventually(
        () => ["orders_open", "envoy_server_live", proxy].every((part) => collector.received("metrics").includes(part)),
        limits,
      );
    });
    await eventually(() => collector.connections() === 0, limits);
    expect(collector.received("metrics")).not.toContain("envoy_listener_manager_lds");
  });
});

describe.each(callers)("MeshAccessLog on $caller", ({ of, number, top }) => {
  test("over TCP: the lines, by way of the launcher", async () => {
    const plain = "%KUMA_SOURCE_SERVICE% > %REQ(:PATH)%";
    const tcp = { address: `127.0.0.1:${(sink.server.address() as { port: number }).port}`, format: { type: "Plain", plain } };
    // Envoy writes every ten seconds, or at once when it has much to write.
    const many = async (path: string) => {
      for (let round = 0; round < 14; round++) await bed.get(number, `${path}?${"x".repeat(6_000)}`);
    };
    await many(`/${of}/before`);
    await bed.during(policy("MeshAccessLog", top, toAll({ backends: [{ type: "Tcp", tcp }] })), async () => {
      await many(`/${of}/during`);
      await eventually(() => sink.lines.some((line) => line.startsWith(`${of} > /${of}/during?xxx`)), limits);
    });
    await many(`/${of}/after`);
    expect(sink.lines.filter((line) => /\/(before|after)\?/.test(line))).toEqual([]);
  });

  test("to an OpenTelemetry collector: records with their body and attributes", async () => {
    const openTelemetry = {
      endpoint: `127.0.0.1:${collector.port}`,
      body: { kvlistValue: { values: [{ key: "path", value: { stringValue: "%REQ(:PATH)%" } }] } },
      attributes: [{ key: "caller", value: "%KUMA_SOURCE_SERVICE%" }],
    };
    await bed.answers(number, 200, `/${of}/unlogged`);
    await bed.during(policy("MeshAccessLog", top, toAll({ backends: [{ type: "OpenTelemetry", openTelemetry }] })), async () => {
      await bed.answers(number, 200, `/${of}/recorded`);
      await eventually(() => [`/${of}/recorded`, "caller", of].every((part) => collector.received("logs").includes(part)), limits);
    });
    await bed.answers(number, 200, `/${of}/later`);
    await eventually(() => collector.connections() === 0, limits);
    expect(collector.received("logs")).not.toMatch(/unlogged|\/later/);
  });
});

describe.each(callers)("MeshTrace on $caller", ({ of, number, top }) => {
  const traced = (backend: object) =>
    policy("MeshTrace", top, { default: { backends: [backend], tags: [{ name: "team", literal: "red" }] } });

  test("an OpenTelemetry collector gets its spans", async () => {
    await bed.answers(number, 200, `/${of}/untraced`);
    const backend = { type: "OpenTelemetry", openTelemetry: { endpoint: `127.0.0.1:${collector.port}` } };
    await bed.during(traced(backend), async () => {
      await bed.answers(number, 200, `/${of}/traced`);
      await eventually(() => [`/${of}/traced`, "team", "red"].every((part) => collector.received("trace").includes(part)), limits);
    });
    await bed.answers(number, 200, `/${of}/late`);
    await eventually(() => collector.connections() === 0, limits);
    expect(collector.received("trace")).not.toMatch(/untraced|\/late/);
  });

  test("a Zipkin collector gets its spans", async () => {
    const spans = () => zipkin.requests.filter(({ path }) => path === "/api/v2/spans").map(({ body }) => body);
    const backend = { type: "Zipkin", zipkin: { url: `http://127.0.0.1:${bed.port(5)}/api/v2/spans` } };
    await bed.during(traced(backend), async () => {
      await bed.answers(number, 200, `/${of}/zipkin`);
      await eventually(() => spans().some((body) => body.includes(`/${of}/zipkin`) && body.includes('"team":"red"')), limits);
    });
    await bed.answers(number, 200, `/${of}/gone`);
    expect(spans().some((body) => body.includes(`/${of}/gone`))).toBe(false);
  });

  test("a Datadog agent gets its spans, under the name of the service or of each direction", async () => {
    // MessagePack, in which texts stand as they are.
    const sent = () => datadog.requests.filter(({ path }) => path === "/v0.4/traces").map(({ body }) => body);
    const has = (...parts: string[]) => sent().some((body) => parts.every((part) => body.includes(part)));
    const backend = (conf: object = {}) => ({ type: "Datadog", datadog: { url: `http://127.0.0.1:${bed.port(6)}`, ...conf } });
    datadog.requests.length = 0;
    await bed.answers(number, 200, `/${of}/unheard`);
    await bed.during(traced(backend()), async () => {
      await bed.answers(number, 200, `/${of}/heard`);
      await eventually(() => has(`/${of}/heard`, "team", "red", of), limits);
      expect(sent().join("")).not.toMatch(/_(IN|OUT)BOUND/);
      await bed.apply(traced(backend({ splitService: true })));
      await bed.answers(number, 200, `/${of}/split`);
      await eventually(() => has(`/${of}/split`, of === "client" ? "client_OUTBOUND_web" : "edge_INBOUND"), limits);
    });
    await bed.answers(number, 200, `/${of}/silent`);
    const before = sent().length;
    expect(before).toBeGreaterThan(0);
    expect(has("unheard")).toBe(false);
    expect(has("silent")).toBe(false);
  });
});
