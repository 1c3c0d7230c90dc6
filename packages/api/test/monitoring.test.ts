import { ResourceTable } from "@atoll/replica";
import type { Resource } from "@atoll/resource";
import { beforeEach, describe, expect, test } from "vitest";
import { createMonitoringApi } from "../src/index.ts";
import { time } from "./fake-plane.ts";

let config: ResourceTable;
let zone: ResourceTable;
let changed: ((keys: string[]) => void) | undefined;

const resource = (type: string, mesh: string, name: string, spec: unknown): Resource => ({
  type,
  mesh,
  name,
  spec,
  creationTime: time,
  modificationTime: time,
  revision: 1,
});
const metrics = (conf: object) => ({ metrics: { enabledBackend: "p", backends: [{ name: "p", type: "prometheus", conf }] } });
const inbound = (tags: Record<string, string>) => ({ port: 1, tags });

beforeEach(() => {
  [config, zone] = [new ResourceTable(), new ResourceTable()];
  config.set(resource("Mesh", "", "default", metrics({ port: 5670, path: "/metrics", skipMTLS: true })));
  config.set(resource("Mesh", "", "quiet", {}));
  config.set(
    resource("MeshGateway", "default", "edge", {
      selectors: [{ match: { "kuma.io/service": "edge-gateway" } }],
      conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
    }),
  );
  const local = {
    address: "127.0.0.1",
    inbound: [
      inbound({ "kuma.io/service": "pair", "kuma.io/zone": "zone-1", version: "v1" }),
      inbound({ "kuma.io/service": "both", "kuma.io/zone": "zone-1" }),
    ],
  };
  zone.set(resource("Dataplane", "default", "local-1", { networking: local }));
  const gateway = { type: "BUILTIN", tags: { "kuma.io/service": "edge-gateway" } };
  const own = { type: "prometheus", conf: { path: "/own", tls: { mode: "providedTLS" } } };
  zone.set(resource("Dataplane", "default", "edge-1", { networking: { address: "::1", gateway }, metrics: own }));
  zone.set(resource("Dataplane", "quiet", "silent", { networking: local }));
});

const ask = (body: unknown, timeout = "0s") => {
  const api = createMonitoringApi({
    config,
    zone,
    watch: (listener) => {
      changed = listener;
      return () => (changed = undefined);
    },
    defaultFetchTimeoutMs: 30_000,
  });
  const url = `/v3/discovery:monitoringassignments?fetch-timeout=${timeout}`;
  const payload = typeof body === "string" ? body : JSON.stringify(body);
  return api.inject({ method: "POST", url, headers: { "content-type": "application/json" }, payload });
};

test("only those who may ask are told", async () => {
  const refused: unknown[] = [];
  const api = createMonitoringApi({
    config,
    zone,
    watch: () => () => undefined,
    defaultFetchTimeoutMs: 0,
    refuse: ({ remoteAddress }) => (remoteAddress === "10.0.0.1" ? { status: 403, reason: "not you" } : undefined),
    onRefused: (refusal) => refused.push(refusal),
  });
  const url = "/v3/discovery:monitoringassignments";
  const from = (remoteAddress: string) =>
    api.inject({ method: "POST", url, remoteAddress, headers: { "content-type": "application/json" }, payload: "{}" });
  expect((await from("10.0.0.2")).statusCode).toBe(200);
  const answer = await from("10.0.0.1");
  expect([answer.statusCode, answer.body]).toEqual([403, "not you\n"]);
  expect(refused).toEqual([{ user: "mesh-system:anonymous", from: "10.0.0.1", method: "POST", path: url, status: 403, reason: "not you" }]);
});

describe("what Prometheus discovers", () => {
  test("the proxies of meshes with a Prometheus backend, with their tags as labels", async () => {
    const type = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";
    const answer = await ask({ node: { id: "prometheus" }, type_url: type });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      version_info: expect.stringMatching(/^[0-9a-f]{64}$/),
      resources: [
        {
          "@type": type,
          mesh: "default",
          service: "edge-gateway",
          targets: [
            {
              name: "edge-1",
              scheme: "https",
              address: "[::1]:5670",
              metrics_path: "/own",
              labels: { kuma_io_mesh_gateway: "edge", kuma_io_service: "edge-gateway", kuma_io_services: ",edge-gateway," },
            },
          ],
        },
        {
          "@type": type,
          mesh: "default",
          service: "both",
          targets: [
            {
              name: "local-1",
              scheme: "http",
              address: "127.0.0.1:5670",
              metrics_path: "/metrics",
              labels: {
                kuma_io_service: "both",
                kuma_io_services: ",both,pair,",
                kuma_io_zone: "zone-1",
                kuma_io_zones: ",zone-1,",
                version: "v1",
                versions: ",v1,",
              },
            },
          ],
        },
      ],
      type_url: type,
    });
  });

  test("where MeshMetrics say so: each Prometheus what is for it, others what is for nobody by name", async () => {
    const policy = (name: string, spec: object) => config.set(resource("MeshMetric", "default", name, spec));
    const prometheus = (conf: object) => ({ type: "Prometheus", prometheus: { port: 5670, path: "/metrics", ...conf } });
    const backends = [
      prometheus({ clientId: "main", port: 5671, tls: { mode: "ProvidedTLS" } }),
      prometheus({ port: 5672, path: "/any" }),
      { type: "OpenTelemetry", openTelemetry: { endpoint: "collector:4317" } },
    ];
    policy("pair", { targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "pair" } }, default: { backends } });
    policy("gateway", { targetRef: { kind: "MeshGateway", name: "edge" }, default: { backends: [prometheus({ clientId: "edges" })] } });
    policy("shadow", { default: { backends: [prometheus({ clientId: "shadow" })] } });
    config.set({ ...config.get("MeshMetric", "default", "shadow")!, labels: { "kuma.io/effect": "shadow" } });
    const found = async (id: string) => {
      const answer = await ask({ node: { id } });
      if (answer.statusCode !== 200) throw new Error(answer.body);
      const { resources } = answer.json() as { resources: { targets: Record<string, unknown>[] }[] };
      return resources.flatMap(({ targets }) =>
        targets.map(({ name, scheme, address, metrics_path, labels }) => [name, scheme, address, metrics_path, labels]),
      );
    };
    expect(await found("main")).toEqual([["local-1", "https", "127.0.0.1:5671", "/metrics", {}]]);
    expect(await found("edges")).toEqual([["edge-1", "http", "[::1]:5670", "/metrics", {}]]);
    expect(await found("host.test")).toEqual([["local-1", "http", "127.0.0.1:5672", "/any", {}]]);
    expect(await found("shadow")).toEqual(await found("host.test"));
    // Without backends the policy says nothing, and the mesh's own metrics hold.
    policy("pair", { default: { applications: [{ port: 1 }] } });
    expect((await found("host.test")).map(([name, , address]) => [name, address])).toEqual([["local-1", "127.0.0.1:5670"]]);
  });

  test("who has the newest version waits for a change, or for the end of its time", async () => {
    const { version_info } = (await ask({})).json() as { version_info: string };
    expect((await ask({ version_info })).statusCode).toBe(304);
    expect((await ask({ versionInfo: version_info }, "20ms")).statusCode).toBe(304);

    const waiting = ask({ version_info }, "30s");
    await expect.poll(() => changed).toBeDefined();
    zone.delete({ type: "Dataplane", mesh: "default", name: "edge-1" });
    changed!(["DataplaneInsight/default/edge-1"]);
    expect(changed).toBeDefined();
    changed!(["Mesh//quiet", "Dataplane/default/edge-1"]);
    const answer = await waiting;
    expect(answer.statusCode).toBe(200);
    expect((answer.json() as { resources: unknown[] }).resources).toHaveLength(1);
    expect(changed).toBeUndefined();
  });

  test("what is no request is refused", async () => {
    expect((await ask("{")).json()).toMatchObject({ title: "Could not parse request body" });
    expect((await ask("[]")).statusCode).toBe(400);
    expect((await ask({}, "x")).json()).toMatchObject({
      title: "Could not parse fetch-timeout",
      detail: 'time: invalid duration "x"',
    });
  });
});
