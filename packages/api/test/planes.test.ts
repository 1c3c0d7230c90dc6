import { LogError } from "@atoll/event-log";
import { expect, test } from "vitest";
import { FakeZoneStore, createPlane, dataplane, mesh, planeWithMesh, time, timeout } from "./fake-plane.ts";

const online = {
  subscriptions: [
    { id: "1", connectTime: "2026-01-01T00:00:00Z", version: { kumaDp: { version: "2.10.11" }, envoy: { version: "1.40.0" } } },
  ],
};
const networking = { address: "10.0.0.9", port: 10001, admin: { port: 9901 } };
const inventory = {
  zones: () => ["east", "west"],
  entries: (zone: string) =>
    zone === "west" ? [{ zone, mesh: "default", tags: { "kuma.io/service": "web", "kuma.io/zone": "west" }, instances: 2 }] : [],
  ingresses: (zone: string) =>
    zone === "west" ? [{ zone, name: "ingress-2", advertisedAddress: "10.9.9.9", advertisedPort: 10001, networking }] : [],
};

/** A global that reads the log of zone west: one dataplane, one ingress. */
async function globalWithWest() {
  const plane = await planeWithMesh({ inventory });
  const west = new FakeZoneStore();
  plane.zones.set("west", west);
  const { type, name, mesh: meshName, ...spec } = dataplane("web-1");
  await west.put({ type, mesh: meshName, name, labels: { "kuma.io/proxy-type": "sidecar" }, spec });
  await west.put({
    type: "DataplaneInsight",
    mesh: "default",
    name,
    spec: { ...online, mTLS: { issuedBackend: "ca-1", supportedBackends: ["ca-1"] } },
  });
  await west.put({ type: "ZoneIngress", mesh: "", name: "ingress-2", spec: { networking: { address: "10.0.0.2", port: 10001 } } });
  return { ...plane, west };
}

const zone = (extra: object = {}) => ({ settings: { mode: "zone" as const, zone: "east" }, inventory, ...extra });

/** A zone whose configuration holds the mesh, as replicated from global. */
async function eastZone() {
  const plane = createPlane(zone());
  const put = (type: string, meshName: string, name: string, spec: unknown, labels?: Record<string, string>) =>
    plane.config.submit({
      id: `${type}/${name}`,
      at: time,
      author: "x",
      expect: [],
      changes: [{ op: "put", resource: { type, mesh: meshName, name, spec, labels } }],
    });
  await put("Mesh", "", "default", { constraints: { dataplaneProxy: { restrictions: [{ tags: { "kuma.io/service": "forbidden" } }] } } });
  await put("Timeout", "default", "t", { sources: [], destinations: [] }, { "kuma.io/mesh": "default" });
  await put("Zone", "", "east", {});
  await put("Zone", "", "west", {});
  await put("GlobalSecret", "", "admin-user-token", { sealed: "" });
  await put("TokenVerificationKey", "", "zone-token-signing-key-1", { kid: "1", publicKeyPem: "PEM" });
  return plane;
}

test("global shows what zones hold under names that are unique, and says where it comes from", async () => {
  const { request } = await globalWithWest();
  const { items } = (await request("GET /meshes/default/dataplanes")).body;
  expect(items).toEqual([
    {
      type: "Dataplane",
      mesh: "default",
      name: expect.stringMatching(/^web-1-[bcdfghjklmnpqrstvwxz2456789]{16}$/),
      creationTime: time,
      modificationTime: time,
      labels: { "kuma.io/display-name": "web-1", "kuma.io/origin": "zone", "kuma.io/proxy-type": "sidecar", "kuma.io/zone": "west" },
      networking: { address: "10.0.0.1", inbound: [{ port: 8080, tags: { "kuma.io/service": "web" } }] },
    },
  ]);
  expect((await request(`GET /meshes/default/dataplanes/${items[0].name}`)).body).toEqual(items[0]);
  expect((await request("GET /meshes/default/dataplanes/web-1")).status).toBe(404);
  expect((await request("GET /zone-ingresses")).body.items).toMatchObject([
    {
      zone: "west",
      networking: { address: "10.0.0.2", port: 10001 },
      availableServices: [{ tags: { "kuma.io/service": "web", "kuma.io/zone": "west" }, instances: 2, mesh: "default" }],
    },
  ]);
});

test("overviews join a resource with what is observed of it, on all their paths", async () => {
  const { request, zoneInsights } = await globalWithWest();
  const paths = [
    "/meshes/default/dataplanes/_overview",
    "/dataplanes/_overview",
    "/meshes/default/dataplanes+insights",
    "/dataplanes+insights",
  ];
  const lists = await Promise.all(paths.map(async (path) => (await request(`GET ${path}`)).body.items));
  for (const items of lists) expect(items).toEqual(lists[0]);
  expect(lists[0]).toMatchObject([
    { type: "DataplaneOverview", dataplane: { networking: {} }, dataplaneInsight: { subscriptions: [{ id: "1" }] } },
  ]);
  expect(Object.keys(lists[0][0])).toEqual([
    "type",
    "mesh",
    "name",
    "creationTime",
    "modificationTime",
    "labels",
    "dataplane",
    "dataplaneInsight",
  ]);
  const { name } = lists[0][0];
  expect((await request(`GET /meshes/default/dataplanes/${name}/_overview`)).body).toEqual(lists[0][0]);
  expect((await request(`GET /meshes/default/dataplanes+insights/${name}`)).body).toEqual(lists[0][0]);
  expect((await request("GET /zone-ingresses/_overview")).body.items).toMatchObject([
    { type: "ZoneIngressOverview", zoneIngress: { zone: "west" } },
  ]);
  expect((await request("GET /zoneegressoverviews")).body).toEqual({ total: 0, items: [], next: null });
  expect((await request("GET /zoneingresses/_overview")).text).toBe("404: Page Not Found");

  await request("PUT /zones/west", { type: "Zone", name: "west" });
  expect((await request("GET /zones+insights/west")).body).toMatchObject({ type: "ZoneOverview", name: "west", zone: {}, zoneInsight: {} });
  expect((await request("GET /zones+insights")).body.items[0]).not.toHaveProperty("zoneInsight");
  zoneInsights.set("west", online);
  expect((await request("GET /zones/_overview")).body.items[0].zoneInsight).toEqual(online);
});

test("dataplanes are filtered by tag and by gateway", async () => {
  const { request, west } = await globalWithWest();
  await west.put({
    type: "Dataplane",
    mesh: "default",
    name: "gw",
    spec: { networking: { address: "10.0.0.3", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } } },
  });
  const count = async (query: string) => (await request(`GET /meshes/default/dataplanes?${query}`)).body.total;
  expect(await count("tag=kuma.io/service:we")).toBe(1);
  expect(await count("tag=kuma.io/service:web&tag=version:1")).toBe(0);
  expect(await count("gateway=true")).toBe(1);
  expect(await count("gateway=false")).toBe(1);
  expect(await count("gateway=builtin")).toBe(1);
  expect(await count("gateway=delegated")).toBe(0);
  expect((await request("GET /meshes/default/dataplanes?gateway=moon")).status).toBe(400);
});

test("insights are computed from what is there", async () => {
  const { request } = await globalWithWest();
  await request("PUT /meshes/default/timeouts/t", timeout("t"));
  await request("PUT /meshes/default/external-services/es", {
    type: "ExternalService",
    mesh: "default",
    name: "es",
    tags: { "kuma.io/service": "es", "kuma.io/protocol": "http" },
    networking: { address: "example.com:80" },
  });
  expect((await request("GET /meshes/default/service-insights")).body.items).toEqual([
    {
      type: "ServiceInsight",
      mesh: "default",
      name: "es",
      creationTime: time,
      modificationTime: time,
      status: "not_available",
      dataplanes: {},
      serviceType: "external",
      addressPort: "example.com:80",
    },
    {
      type: "ServiceInsight",
      mesh: "default",
      name: "web",
      creationTime: time,
      modificationTime: time,
      status: "online",
      dataplanes: { total: 1, online: 1 },
      issuedBackends: { "ca-1": 1 },
      addressPort: "web.mesh:80",
    },
  ]);
  expect((await request("GET /service-insights?type=external&size=1")).body).toMatchObject({
    total: 1,
    items: [{ name: "es" }],
    next: null,
  });
  expect((await request("GET /service-insights?type=moon")).status).toBe(400);
  expect((await request("GET /service-insights?size=x")).body).toMatchObject({ title: "Could not paginate resources" });
  expect((await request("GET /mesh-insights?filter[labels.team]=a")).body).toEqual({ total: 0, items: [], next: null });
  expect((await request("GET /mesh-insights?filter[team]=a")).body).toMatchObject({ status: 400 });
  expect((await request("GET /mesh-insights/default?format=k8s")).body).toMatchObject({
    kind: "MeshInsight",
    metadata: { name: "default" },
    spec: { dataplanes: { total: 1, online: 1 } },
  });
  expect((await request("GET /meshes/default/service-insights/none")).body).toMatchObject({ name: "none", dataplanes: {} });
  expect((await request("GET /mesh-insights/default")).body).toMatchObject({
    type: "MeshInsight",
    name: "default",
    dataplanes: { total: 1, online: 1 },
    policies: { Timeout: { total: 1 } },
    dpVersions: { kumaDp: { "2.10.11": { total: 1, online: 1 } }, envoy: { "1.40.0": { total: 1, online: 1 } } },
    mTLS: { issuedBackends: { "ca-1": { total: 1, online: 1 } }, supportedBackends: { "ca-1": { total: 1, online: 1 } } },
    services: { total: 2, internal: 1, external: 1 },
    dataplanesByType: { standard: { total: 1, online: 1 }, gateway: {}, gatewayBuiltin: {}, gatewayDelegated: {} },
    resources: { Dataplane: { total: 1 }, ExternalService: { total: 1 }, Secret: { total: 1 }, Timeout: { total: 1 } },
  });
  expect((await request("GET /global-insight")).body).toMatchObject({
    createdAt: time,
    dataplanes: { standard: { offline: 0, online: 1, partiallyDegraded: 0, total: 1 } },
    meshes: { total: 1 },
    policies: { total: 1 },
    services: { external: { total: 1 }, internal: { online: 1, total: 1 } },
    zones: { controlPlanes: { online: 0, total: 0 }, zoneIngresses: { online: 0, total: 0 } },
  });
  expect((await request("GET /global-insights")).body.resources).toMatchObject({
    Mesh: { total: 1 },
    Zone: { total: 0 },
    ZoneIngress: { total: 1 },
  });
});

test("a zone shows the configuration under synced names and does not write it", async () => {
  const { request } = await eastZone();
  const { items } = (await request("GET /meshes/default/timeouts")).body;
  expect(items).toMatchObject([
    {
      name: expect.stringMatching(/^t-.{16}$/),
      labels: { "kuma.io/display-name": "t", "kuma.io/mesh": "default", "kuma.io/origin": "global" },
    },
  ]);
  expect((await request(`GET /meshes/default/timeouts/${items[0].name}`)).body).toEqual(items[0]);
  expect((await request("GET /meshes/default")).body.name).toBe("default");
  expect((await request("GET /meshes/default")).body.labels).toEqual({ "kuma.io/origin": "global" });
  expect((await request("GET /zones")).body.items.map(({ name }: { name: string }) => name)).toEqual(["east"]);
  for (const line of [
    "PUT /meshes/m",
    "PUT /meshes/default/timeouts/t",
    "DELETE /meshes/default",
    "PUT /meshes/default/dataplane-insights/x",
  ]) {
    expect((await request(line, line.startsWith("PUT") ? mesh("m") : undefined)).body).toMatchObject({
      status: 405,
      title: "Method not allowed",
      detail: expect.stringContaining("On zone control plane you can only modify zone resources"),
    });
  }
  expect((await request("POST /changes", "{}")).status).toBe(405);
});

test("a zone hides the secrets of global and shows the keys that verify", async () => {
  const { request } = await eastZone();
  const { items } = (await request("GET /global-secrets")).body;
  expect(items.map(({ name, data }: { name: string; data: string }) => [name, data])).toEqual([
    ["zone-token-signing-public-key-1", Buffer.from("PEM").toString("base64")],
  ]);
  expect(items[0].labels).toEqual({ "kuma.io/display-name": "zone-token-signing-key-1", "kuma.io/origin": "global" });
  expect((await request("GET /global-secrets/admin-user-token")).status).toBe(404);
});

test("a zone issues no tokens of users", async () => {
  const { request, issued } = await eastZone();
  expect((await request("POST /tokens/user", { name: "jane", validFor: "1h" })).body).toMatchObject({
    status: 400,
    title: "Could not issue a token",
    detail: "tokens of users are issued by global: ask there",
  });
  expect(issued).toEqual([]);
});

test("a zone writes its own dataplanes, with its name on them", async () => {
  const { request, zoneStore } = await eastZone();
  expect(await request("PUT /meshes/default/dataplanes/web-1", dataplane("web-1"))).toMatchObject({ status: 201, text: "{}\n" });
  expect((await request("GET /meshes/default/dataplanes/web-1")).body).toMatchObject({
    labels: {
      "kuma.io/env": "universal",
      "kuma.io/mesh": "default",
      "kuma.io/origin": "zone",
      "kuma.io/proxy-type": "sidecar",
      "kuma.io/zone": "east",
    },
    networking: { inbound: [{ tags: { "kuma.io/service": "web", "kuma.io/zone": "east" } }] },
  });
  expect((await request("PUT /meshes/default/dataplanes/web-1", dataplane("web-1"))).status).toBe(200);
  const wrong = await request("PUT /meshes/default/dataplanes/web-1", dataplane("web-1", { labels: { "kuma.io/zone": "west" } }));
  expect(wrong.body.invalid_parameters).toEqual([{ field: 'labels["kuma.io/zone"]', reason: "kuma.io/zone label should have east value" }]);
  const forbidden = dataplane("web-2", {
    networking: { address: "10.0.0.1", inbound: [{ port: 1, tags: { "kuma.io/service": "forbidden" } }] },
  });
  expect((await request("PUT /meshes/default/dataplanes/web-2", forbidden)).body).toMatchObject({
    status: 400,
    title: "Could not create a resource",
    invalid_parameters: [{ field: "networking.inbound[0].tags" }],
  });
  expect((await request("DELETE /meshes/default/dataplanes/web-1")).text).toBe("{}\n");
  expect(zoneStore.size).toBe(0);
});

test("a zone whose log takes no write says so", async () => {
  const { request, zoneStore } = await eastZone();
  zoneStore.put = async () => {
    throw new LogError("unavailable", "disk is full");
  };
  expect((await request("PUT /meshes/default/dataplanes/web-1", dataplane("web-1"))).body).toMatchObject({
    status: 503,
    detail: "the log can not be written now: disk is full",
  });
});

test("a zone knows the ingresses of other zones from the inventory", async () => {
  const { request } = await eastZone();
  const { items } = (await request("GET /zone-ingresses")).body;
  expect(items).toMatchObject([
    {
      name: expect.stringMatching(/^ingress-2-.{16}$/),
      zone: "west",
      networking: { ...networking, advertisedAddress: "10.9.9.9", advertisedPort: 10001 },
      availableServices: [{ instances: 2, mesh: "default" }],
    },
  ]);
  expect((await request(`GET /zone-ingresses/${items[0].name}`)).body).toEqual(items[0]);
});

test("a policy's proxies are found by its selectors, on both spellings of the path", async () => {
  const { request } = await globalWithWest();
  await request("PUT /meshes/default/timeouts/t", timeout("t", "default", { sources: [{ match: { "kuma.io/service": "web" } }] }));
  for (const segment of ["_resources", "-resources"]) {
    expect((await request(`GET /meshes/default/timeouts/t/${segment}/dataplanes`)).body).toMatchObject({
      total: 1,
      items: [{ type: "Dataplane", mesh: "default" }],
    });
  }
  expect((await request("GET /meshes/default/timeouts/no/_resources/dataplanes")).body).toMatchObject({
    status: 404,
    title: "Could not retrieve policy",
  });
});

test("global shows nothing of a zone in a mesh that has ended, nor in the next one of its name", async () => {
  const { request, west, config } = await globalWithWest();
  const total = async () => (await request("GET /dataplanes")).body.total;
  const { creationTime } = config.get("Mesh", "", "default")!;
  await west.put({ type: "MeshLife", mesh: "", name: "default", spec: { creationTime, revision: 1 } });
  expect(await total()).toBe(1);
  await west.put({ type: "MeshLife", mesh: "", name: "default", spec: { creationTime: "2025-01-01T00:00:00Z", revision: 1 } });
  expect([await total(), (await request("GET /meshes/default/dataplanes")).body.total]).toEqual([0, 0]);
  expect((await request("GET /zone-ingresses")).body.total).toBe(1);
});

test("the proxies of a zone that is away count as offline", async () => {
  const { request, zoneInsights } = await globalWithWest();
  const counted = async () => [
    (await request("GET /meshes/default/service-insights/web")).body.dataplanes,
    (await request("GET /mesh-insights/default")).body.dataplanes,
  ];
  const session = { id: "1", connectTime: "2026-01-01T00:00:00Z" };
  zoneInsights.set("west", { subscriptions: [session] } as never);
  expect(await counted()).toMatchObject([
    { online: 1, total: 1 },
    { online: 1, total: 1 },
  ]);
  zoneInsights.set("west", { subscriptions: [{ ...session, disconnectTime: "2026-01-01T01:00:00Z" }] } as never);
  expect(await counted()).toMatchObject([
    { offline: 1, total: 1 },
    { offline: 1, total: 1 },
  ]);
});
