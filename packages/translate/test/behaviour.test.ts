import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DescMessage, JsonObject, MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { toEnvoyJson } from "@atoll/envoy-api/registry";
import { envoyBinary, eventually, freePort, scratchFolder, startHttpServer, startProcess } from "@atoll/testkit";
import type { SampleHttpServer, StartedProcess } from "@atoll/testkit";
import type { FilterChainView, ListenerView, ProxyView, RouteView } from "@atoll/view";
import { translate } from "../src/index.ts";
import { bootstraps, staticResources } from "./static-bootstrap.ts";

// What Envoy does with the translation, where reading the configuration is not enough to know.

const toBackend = { type: "forward" as const, clusters: [{ name: "backend", weight: 1 }] };
const everything = { path: { prefix: "/" } };

const edgeRoutes: RouteView[] = [
  { match: { path: { prefix: "/full" } }, action: { ...toBackend, path: { full: "/other\\1/place" } } },
  {
    match: { path: { prefix: "/unknown" } },
    action: { type: "forward", clusters: [{ name: "not-there", weight: 1 }] },
    clusterNotFound500: true,
  },
  { match: { path: { prefix: "/weightless" } }, action: { type: "forward", clusters: [{ name: "backend", weight: 0 }] } },
  {
    match: { path: { prefix: "/headers" } },
    action: { type: "forward", clusters: [{ name: "backend", weight: 1, requestHeadersToAdd: [{ name: "x-kuma-tags", value: "&a=b&" }] }] },
    requestHeaders: { set: [{ name: "x-set", value: "100%" }], add: [{ name: "x-add", value: "added" }], remove: ["x-gone"] },
  },
  {
    match: { path: { prefix: "/limited" } },
    action: toBackend,
    rateLimit: { requests: 1, intervalMs: 600_000, status: 423, headers: [{ name: "x-limited", value: "yes", append: false }] },
  },
  {
    match: { path: { prefix: "/moved" } },
    action: { type: "redirect", statusCode: 307, scheme: "https", host: "new.test", port: 8443, stripQuery: true },
  },
  { match: { path: { prefix: "/nothing" } }, action: { type: "directResponse", status: 404, body: "no routes\n" } },
  { match: everything, action: toBackend },
];

const chain = (
  filter: Omit<Extract<FilterChainView["filter"], { type: "http" }>, "type" | "statPrefix">,
  rbac?: FilterChainView["rbac"],
): FilterChainView => ({
  filter: { type: "http", statPrefix: "test", ...filter },
  rbac,
});
const inline = (routes: RouteView[]) => ({ inline: { name: "r", virtualHosts: [{ name: "all", domains: ["*"], routes }] } });

const scratch = scratchFolder();
const ports = { edge: 0, faulty: 0, denied: 0, closed: 0 };
let backend: SampleHttpServer;
let envoy: StartedProcess;

beforeAll(async () => {
  backend = await startHttpServer("backend");
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const listener = (name: keyof typeof ports, one: FilterChainView): ListenerView => ({
    name,
    address: "127.0.0.1",
    port: ports[name],
    direction: "inbound",
    chains: [one],
  });
  const view: ProxyView = {
    kind: "gateway",
    mesh: "default",
    name: "test",
    zone: "east",
    listeners: [
      listener("edge", chain({ routes: { rds: "edge" }, edge: { serverName: "Kuma Gateway" }, localRateLimit: true, compress: true })),
      listener(
        "faulty",
        chain({
          routes: inline([{ match: everything, action: toBackend }]),
          faults: [{ sourceTagsRegex: ".*&kuma.io/service=[^&]*web[,&].*", abort: { percent: 100, httpStatus: 418 } }],
        }),
      ),
      listener(
        "denied",
        chain({ routes: inline([{ match: everything, action: toBackend }]) }, { statPrefix: "d.", refuseRequests: true, policies: [] }),
      ),
      listener(
        "closed",
        chain(
          { routes: inline([{ match: everything, action: toBackend }]) },
          { statPrefix: "c.", policies: [{ name: "p", principals: [{ sans: ["spiffe://default/web"] }] }] },
        ),
      ),
    ],
    routes: [
      {
        name: "edge",
        ignorePortInHostMatching: true,
        requestHeadersToRemove: ["x-kuma-tags"],
        virtualHosts: [{ name: "all", domains: ["*"], routes: edgeRoutes }],
      },
    ],
    clusters: [
      { name: "backend", discovery: { type: "eds" }, connectTimeoutMs: 1000, http: "http1", perConnectionBufferLimitBytes: 32768 },
    ],
    endpoints: [
      {
        cluster: "backend",
        localities: [
          { zone: "east", priority: 0, endpoints: [{ address: "127.0.0.1", port: backend.port, weight: 1, tags: { version: "v1" } }] },
        ],
      },
    ],
    secrets: [],
    runtimes: [],
  };
  const made = translate(view);
  const json = <Desc extends DescMessage>(schema: Desc, list: MessageShape<Desc>[]) =>
    list.map((one) => toEnvoyJson(schema, one) as JsonObject);
  const resources = {
    clusters: json(ClusterSchema, made.clusters),
    endpoints: json(ClusterLoadAssignmentSchema, made.endpoints),
    listeners: json(ListenerSchema, made.listeners),
    routes: json(RouteConfigurationSchema, made.routes),
    secrets: [],
  };
  const file = join(scratch.path, "envoy.json");
  writeFileSync(file, JSON.stringify(bootstraps([staticResources(resources)])[0]));
  envoy = await startProcess(envoyBinary(), ["-c", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warning"]);
  await eventually(() => get("edge", "/"), { limitMs: 15_000 }).catch((error: unknown) => {
    throw new Error(`Envoy does not serve: ${envoy.output()}`, { cause: error });
  });
});

afterAll(async () => {
  await envoy?.stop(500);
  await backend?.stop();
  scratch[Symbol.dispose]();
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Sends the path exactly as written. */
function get(listener: keyof typeof ports, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: ports[listener], path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    sent.once("error", reject);
    sent.end();
  });
}

const seen = (answer: Answer) => JSON.parse(answer.body) as { path: string; headers: Record<string, string> };

describe("an edge listener", () => {
  test("says its name and forwards", async () => {
    const answer = await get("edge", "/a?b=1");
    expect(answer.headers["server"]).toBe("Kuma Gateway");
    expect(seen(answer).path).toBe("/a?b=1");
  });

  test("replaces a whole path, keeps the query, and takes a backslash literally", async () => {
    expect(seen(await get("edge", "/full/a/b?q=1")).path).toBe("/other\\1/place?q=1");
  });

  test("answers 500 for a cluster that is not there, and where no cluster has a weight", async () => {
    expect((await get("edge", "/unknown")).status).toBe(500);
    expect((await get("edge", "/weightless")).status).toBe(500);
  });

  test("sets, adds and removes headers; a percent sign is a percent sign", async () => {
    const { headers } = seen(await get("edge", "/headers", { "x-set": "old", "x-add": "mine", "x-gone": "here" }));
    expect(headers).toMatchObject({ "x-set": "100%", "x-add": "mine, added" });
    expect(headers).not.toHaveProperty("x-gone");
  });

  test("limits only the route that has a limit", async () => {
    expect((await get("edge", "/limited")).status).toBe(200);
    const refused = await get("edge", "/limited");
    expect([refused.status, refused.headers["x-limited"], refused.body]).toEqual([423, "yes", "local_rate_limited"]);
    expect((await get("edge", "/free")).status).toBe(200);
  });

  test("redirects and answers by itself", async () => {
    const moved = await get("edge", "/moved?q=1");
    expect([moved.status, moved.headers["location"]]).toEqual([307, "https://new.test:8443/moved"]);
    expect(await get("edge", "/nothing")).toMatchObject({ status: 404, body: "no routes\n" });
  });

  test("brings paths to one form and refuses header names with underscores", async () => {
    expect(seen(await get("edge", "/x//y/../z")).path).toBe("/x/z");
    const escaped = await get("edge", "/a%2Fb");
    expect([escaped.status, escaped.headers["location"]]).toEqual([307, "/a/b"]);
    expect((await get("edge", "/", { under_score: "1" })).status).toBe(400);
  });

  test("compresses for clients that accept it", async () => {
    const answer = await get("edge", "/long", { "accept-encoding": "gzip", "x-long": "x".repeat(200) });
    expect(answer.headers["content-encoding"]).toBe("gzip");
  });
});

describe("a mesh listener", () => {
  test("injects a fault for the sources it names only", async () => {
    expect((await get("faulty", "/", { "x-kuma-tags": "&kuma.io/service=web&" })).status).toBe(418);
    expect((await get("faulty", "/", { "x-kuma-tags": "&kuma.io/service=other&" })).status).toBe(200);
  });

  test("answers 403 where nobody is allowed, and closes on a stranger", async () => {
    expect(await get("denied", "/")).toMatchObject({ status: 403, body: "RBAC: access denied" });
    await expect(get("closed", "/")).rejects.toThrow(/hang up|ECONNRESET/);
  });
});
