import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { join } from "node:path";
import { eventually } from "@atoll/testkit/eventually";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { lineSink, type LineSink } from "./line-sink.ts";
import { connection, gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";
import { rest } from "./rest.ts";

// What a mesh tells of its traffic: access logs to files and over TCP, spans, metrics; and ProxyTemplates, which change anything.
let bed: MeshBed;
let web: Backend;
let collector: Backend;
let sink: LineSink;
let clientAdmin: number;
let edgeAdmin: number;
const client = 0;
const edge = 1;
const metricsPort = 2;
const agentPort = 6;
const folder = scratchFolder();
const file = join(folder.path, "access.log");
const dataplanes = { client: "client-1", edge: "edge-1" };
type Metrics = object | undefined;

beforeAll(async () => {
  bed = await MeshBed.start(14_250, { zones: ["east"] });
  sink = await lineSink(bed.freshPort());
  ({ app: collector } = await bed.backend("collector", bed.port(5)));
  const documents = [
    observed(),
    ...openMesh(),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  const [callee, caller, gateway] = await Promise.all([
    bed.service("web", "web-1"),
    bed.service("client", dataplanes.client, { outbound: { [client]: "web" } }),
    bed.gateway("edge", dataplanes.edge),
  ]);
  web = callee.app;
  clientAdmin = caller.admin;
  edgeAdmin = gateway.admin;
  for (const number of [client, edge]) await bed.answers(number, 200);
}, 120_000);

afterAll(async () => {
  const nacks = await bed?.close();
  sink?.server.close();
  folder[Symbol.dispose]();
  expect(nacks).toEqual([]);
}, 60_000);

/** The mesh with a backend for each kind of log and for traces. */
function observed(metrics?: Metrics): Record<string, unknown> {
  return mesh("default", {
    logging: {
      defaultBackend: "file",
      backends: [
        {
          name: "file",
          type: "file",
          format:
            "file %KUMA_SOURCE_SERVICE% to %KUMA_DESTINATION_SERVICE% in %KUMA_MESH% %KUMA_TRAFFIC_DIRECTION% %REQ(:PATH)% %RESPONSE_CODE%",
          conf: { path: file },
        },
        {
          name: "tcp",
          type: "tcp",
          format: "tcp %KUMA_SOURCE_SERVICE% to %KUMA_DESTINATION_SERVICE% %REQ(:PATH)% %RESPONSE_CODE%",
          conf: { address: `127.0.0.1:${(sink.server.address() as { port: number }).port}` },
        },
      ],
    },
    tracing: {
      defaultBackend: "zipkin",
      backends: [
        {
          name: "zipkin",
          type: "zipkin",
          sampling: 100,
          conf: { url: `http://127.0.0.1:${bed.port(5)}/api/v2/spans`, apiVersion: "httpJson" },
        },
        {
          name: "datadog",
          type: "datadog",
          sampling: 100,
          conf: { address: "127.0.0.1", port: bed.port(agentPort), splitService: true },
        },
      ],
    },
    ...(metrics ? { metrics } : {}),
  });
}

/** Envoy writes its log buffers every ten seconds, or at once when they are full: so many requests fill them. */
async function fillLogs(number: number, path: string): Promise<void> {
  const long = `${path}?${"x".repeat(6_000)}`;
  for (let round = 0; round < 14; round++) await bed.get(number, long);
}

describe.each([
  { caller: "a sidecar", from: "client", to: "web", number: client, direction: "OUTBOUND" },
  { caller: "a builtin gateway", from: "edge", to: "*", number: edge, direction: "INBOUND" },
])("TrafficLog on $caller", ({ from, to, number, direction }) => {
  test("writes a line for each request to a file", async () => {
    const lines = () => (existsSync(file) ? readFileSync(file, "utf8").split("\n") : []);
    await fillLogs(number, `/${from}/before`);
    await bed.during(connection("TrafficLog", "log", { from, conf: { backend: "file" } }), async () => {
      await fillLogs(number, `/${from}/logged`);
      const line = await eventually(() => lines().find((one) => one.includes(`/${from}/logged`)), { limitMs: 20_000 });
      expect(line).toMatch(new RegExp(`^file ${from} to ${to === "*" ? "\\*" : to} in default ${direction} /${from}/logged\\?x+ 200$`));
    });
    await eventually(
      async () => {
        // Once the old listener's connections are gone, nothing is written any more.
        const before = lines().length;
        await fillLogs(number, `/${from}/after`);
        return lines().length === before;
      },
      { limitMs: 15_000 },
    );
    expect(lines().some((one) => one.includes(`/${from}/before`))).toBe(false);
  });

  test("sends a line for each request over TCP, through the proxy's pipe", async () => {
    await bed.during(connection("TrafficLog", "log", { from, conf: { backend: "tcp" } }), async () => {
      await fillLogs(number, `/${from}/sent`);
      const line = await eventually(() => sink.lines.find((one) => one.includes(`/${from}/sent`)), { limitMs: 20_000 });
      expect(line).toMatch(new RegExp(`^tcp ${from} to ${to === "*" ? "\\*" : to} /${from}/sent\\?x+ 200$`));
    });
    expect(sink.lines.some((one) => one.includes("/logged"))).toBe(false);
  });
});

test("TrafficTrace: a collector receives the spans of sidecars and of the gateway, and none after", async () => {
  interface Span {
    traceId: string;
    kind: string;
    localEndpoint: { serviceName: string };
    tags: Record<string, string>;
  }
  const bodies: Span[] = [];
  collector.respond = ({ body }) => {
    bodies.push(...(JSON.parse(body || "[]") as Span[]));
    return { status: 202 };
  };
  const traces = {
    type: "TrafficTrace",
    mesh: "default",
    name: "trace",
    selectors: [{ match: { "kuma.io/service": "*" } }],
    conf: { backend: "zipkin" },
  };
  await bed.get(client, "/untraced");
  expect(collector.requests).toEqual([]);
  const tracesOf = (path: string, service: string) =>
    new Set(
      bodies
        .filter((span) => span.localEndpoint.serviceName === service && span.tags["http.url"]?.endsWith(path))
        .map((span) => span.traceId),
    );
  await bed.during(traces, async () => {
    await eventually(
      async () => {
        for (let round = 0; round < 5; round++) {
          await bed.get(client, "/traced/client");
          await bed.get(edge, "/traced/edge");
        }
        const together = (path: string, caller: string) => tracesOf(path, caller).intersection(tracesOf(path, "web")).size > 0;
        return together("/traced/client", "client") && together("/traced/edge", "edge");
      },
      { limitMs: 25_000, everyMs: 200 },
    );
  });
  await eventually(async () => (await tracingClusters()) === 0, { limitMs: 10_000 });
  expect(web.requests.find((one) => one.path === "/traced/client")?.headers["x-b3-traceid"]).toBeDefined();
  expect(web.requests.find((one) => one.path === "/untraced")?.headers["x-b3-traceid"]).toBeUndefined();
});

/** A Datadog agent, as far as Envoy sees one: keeps the spans it is sent, MessagePack as it comes. */
async function datadogAgent(port: number): Promise<{ bodies: Buffer[] } & AsyncDisposable> {
  const bodies: Buffer[] = [];
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (/^\/v0\.\d\/traces$/.test(request.url ?? "")) bodies.push(Buffer.concat(chunks));
      response.writeHead(200, { "content-type": "application/json" }).end('{"rate_by_service":{}}');
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    bodies,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("TrafficTrace: a Datadog agent receives the spans of both sides of a request, which share its trace, and none after", async () => {
  await using agent = await datadogAgent(bed.port(agentPort));
  const traces = {
    type: "TrafficTrace",
    mesh: "default",
    name: "trace",
    selectors: [{ match: { "kuma.io/service": "*" } }],
    conf: { backend: "datadog" },
  };
  /** Trace ids by which the application saw requests, as they stand in a span. */
  const traceIds = () =>
    web.requests
      .filter(({ path, headers }) => path === "/traced/datadog" && headers["x-datadog-trace-id"])
      .map(({ headers }) => {
        const id = Buffer.alloc(8);
        id.writeBigUInt64BE(BigInt(headers["x-datadog-trace-id"] as string));
        return id;
      });
  await bed.during(traces, () =>
    eventually(
      async () => {
        for (let round = 0; round < 5; round++) await bed.get(client, "/traced/datadog");
        const bodiesOf = (service: string) => agent.bodies.filter((body) => body.includes(service));
        return traceIds().some((id) =>
          ["client_OUTBOUND_web", "web_INBOUND"].every((service) => bodiesOf(service).some((body) => body.includes(id))),
        );
      },
      { limitMs: 25_000, everyMs: 200 },
    ),
  );
  await eventually(async () => (await tracingClusters()) === 0, { limitMs: 10_000 });
});

const tracingClusters = async (): Promise<number> => {
  const { text } = await rest(`http://127.0.0.1:${clientAdmin}/clusters`);
  return text.split("\n").filter((line) => line.startsWith("tracing:")).length;
};

test("Prometheus: Envoy's metrics can be read where the mesh says, cut down as it says, and not otherwise", async () => {
  const scraped = () => bed.get(metricsPort, "/own-metrics");
  await expect(scraped()).rejects.toThrow("ECONNREFUSED");
  const conf = (envoy: object) => ({ port: bed.port(metricsPort), path: "/own-metrics", tls: { mode: "disabled" }, envoy });
  const metrics = (envoy: object) =>
    observed({ enabledBackend: "prom", backends: [{ name: "prom", type: "prometheus", conf: conf(envoy) }] });
  await bed.apply(metrics({}));
  try {
    await eventually(async () => (await scraped()).text.includes("envoy_server_live"), { limitMs: 10_000 });
    expect((await bed.get(metricsPort, "/stats")).status).toBe(404);
    await bed.apply(metrics({ filterRegex: "http\\..*", usedOnly: true }));
    await eventually(
      async () => {
        const { text } = await scraped();
        return text.includes("envoy_http_downstream_rq_xx") && !text.includes("envoy_server_live");
      },
      { limitMs: 10_000 },
    );
  } finally {
    await bed.apply(observed());
  }
  await eventually(async () => expect(await scraped().catch((error: Error) => error.message)).toContain("ECONNREFUSED") ?? true, {
    limitMs: 10_000,
  });
});

describe.each([
  {
    kind: "a sidecar",
    service: "client",
    imports: "default-proxy",
    number: client,
    host: "web",
    admin: () => clientAdmin,
    cluster: /^web$/,
  },
  {
    kind: "a builtin gateway",
    service: "edge",
    imports: "gateway-proxy",
    number: edge,
    host: "*",
    admin: () => edgeAdmin,
    cluster: /^web-[0-9a-f]{16}$/,
  },
])("ProxyTemplate on $kind", ({ service, imports, number, host, admin, cluster }) => {
  const template = (...modifications: object[]) => ({
    type: "ProxyTemplate",
    mesh: "default",
    name: "changed",
    selectors: [{ match: { "kuma.io/service": service } }],
    conf: { imports: [imports], modifications },
  });

  test("a patched virtual host answers with its header", async () => {
    const value = JSON.stringify({ responseHeadersToAdd: [{ header: { key: "x-template", value: "yes" } }] });
    const answered = async () => (await bed.answers(number, 200)).headers["x-template"];
    expect(await answered()).toBeUndefined();
    await bed.during(template({ virtualHost: { operation: "patch", match: { name: host }, value } }), () =>
      eventually(async () => (await answered()) === "yes", { limitMs: 10_000 }),
    );
    await eventually(async () => (await answered()) === undefined, { limitMs: 10_000 });
  });

  test("patched and added clusters, and added HTTP filters, reach Envoy", async () => {
    const clusters = async () => {
      const { text } = await rest(`http://127.0.0.1:${admin()}/config_dump?resource=dynamic_active_clusters`);
      return (JSON.parse(text) as { configs: { cluster: { name: string; connect_timeout?: string } }[] }).configs.map((one) => one.cluster);
    };
    const patched = async () => (await clusters()).find(({ name }) => cluster.test(name))?.connect_timeout;
    const lua = {
      name: "envoy.filters.http.lua",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        defaultSourceCode: { inlineString: 'function envoy_on_request(h) h:headers():add("x-lua", "yes") end' },
      },
    };
    const added = { name: "added", connectTimeout: "1s", type: "STATIC", loadAssignment: { clusterName: "added", endpoints: [] } };
    const seen = async () => (await bed.answers(number, 200)).json<{ headers: Record<string, string> }>().headers["x-lua"];
    expect(await patched()).toBe("5s");
    expect(await seen()).toBeUndefined();
    const modifications = [
      { cluster: { operation: "patch", value: JSON.stringify({ connectTimeout: "3s" }) } },
      { cluster: { operation: "add", value: JSON.stringify(added) } },
      { httpFilter: { operation: "addFirst", value: JSON.stringify(lua) } },
    ];
    await bed.during(template(...modifications), async () => {
      await eventually(async () => (await seen()) === "yes", { limitMs: 10_000 });
      expect(await patched()).toBe("3s");
      expect((await clusters()).map(({ name }) => name)).toContain("added");
    });
    await eventually(async () => (await seen()) === undefined, { limitMs: 10_000 });
    expect(await patched()).toBe("5s");
  });
});
