import type { ServiceRecordSpec } from "@atoll/resource";
import { expect, test } from "vitest";
import { FakeZoneStore, createPlane, dataplane, planeWithMesh, time } from "./fake-plane.ts";

const zonePlane = async () => {
  const zone = createPlane({ settings: { mode: "zone", zone: "east" } });
  const put = (resource: { type: string; mesh: string; name: string; spec: unknown }) =>
    zone.config.submit({ id: resource.type + resource.name, at: time, author: "x", expect: [], changes: [{ op: "put", resource }] });
  await put({ type: "Mesh", mesh: "", name: "default", spec: {} });
  return { ...zone, put };
};
const record = (spec: Omit<ServiceRecordSpec, "vip">, vip: string) => ({
  ...{ type: "ServiceRecord", mesh: "default", name: `${spec.type}:${spec.name}` },
  spec: { ...spec, vip },
});
const named = (...hostnames: string[]) => ({
  addresses: hostnames.map((hostname) => ({ hostname, origin: "HostnameGenerator" as const, hostnameGeneratorRef: { coreName: "g" } })),
  hostnameGenerators: [],
});
const observed = {
  tls: { status: "Ready" as const },
  dataplaneProxies: { connected: 1, healthy: 1, total: 1 },
  identities: [{ type: "ServiceTag" as const, value: "web" }],
  state: "Available" as const,
};
const ports = [{ port: 80 }];
const origin = { "kuma.io/origin": "zone" };

test("a zone shows its services, global's and those of other zones with what it gave them", async () => {
  const { request, zoneStore, put } = await zonePlane();
  await request("PUT /meshes/default/meshservices/web", {
    type: "MeshService",
    mesh: "default",
    name: "web",
    labels: origin,
    spec: { ports },
  });
  await put({ type: "MeshExternalService", mesh: "default", name: "ext", spec: { spec: { match: { port: 1 } }, status: { vip: {} } } });
  await put({ type: "MeshMultiZoneService", mesh: "default", name: "all", spec: { spec: { ports }, status: {} } });
  const meshServices = [{ name: "web", namespace: "", zone: "east", mesh: "default" }];
  const remote = {
    zone: "west",
    labels: { "kuma.io/zone": "west" },
    creationTime: time,
    spec: { state: "Available" as const, selector: {}, ports: [] },
  };
  const ext = (await request("GET /meshes/default/meshexternalservices")).body.items[0].name as string;
  const all = (await request("GET /meshes/default/meshmultizoneservices")).body.items[0].name as string;
  for (const one of [
    record({ type: "MeshService", name: "web", service: { ...named("web.test"), observed } }, "241.0.0.0"),
    record({ type: "MeshService", name: "web-x", service: { ...named("web.west.test"), remote } }, "241.0.0.1"),
    record({ type: "MeshService", name: "gone" }, "241.0.0.2"),
    record({ type: "MeshExternalService", name: ext, service: named() }, "242.0.0.0"),
    record({ type: "MeshMultiZoneService", name: all, service: { ...named("all.test"), meshServices } }, "243.0.0.0"),
  ])
    await zoneStore.put(one);

  const list = (await request("GET /meshes/default/meshservices")).body;
  expect(list.items.map((one: { name: string }) => one.name)).toEqual(["web", "web-x"]);
  expect(list.items[0]).toMatchObject({
    spec: { state: "Available", identities: observed.identities, ports },
    status: {
      addresses: named("web.test").addresses,
      vips: [{ ip: "241.0.0.0" }],
      tls: observed.tls,
      dataplaneProxies: observed.dataplaneProxies,
    },
  });
  expect((await request("GET /meshes/default/meshservices/web-x")).body).toMatchObject({
    labels: remote.labels,
    status: { vips: [{ ip: "241.0.0.1" }], tls: {} },
  });
  expect((await request(`GET /meshes/default/meshexternalservices/${ext}`)).body.status).toEqual({ vip: { ip: "242.0.0.0" } });
  expect((await request(`GET /meshes/default/meshmultizoneservices/${all}`)).body.status).toEqual({
    ...{ addresses: named("all.test").addresses, vips: [{ ip: "243.0.0.0" }], meshServices },
  });
  await zoneStore.put({
    ...dataplane("dp-1"),
    spec: { networking: { address: "10.0.0.1", inbound: [{ port: 80, tags: { app: "web" } }] } },
  } as never);
  const selecting = async (selector: object): Promise<number> => {
    const body = { type: "MeshService", mesh: "default", name: "by", labels: origin, spec: { ports, selector } };
    await request("PUT /meshes/default/meshservices/by", body);
    return (await request("GET /meshes/default/meshservices/by/_resources/dataplanes")).body.total as number;
  };
  expect(await selecting({ dataplaneTags: { app: "web" } })).toBe(1);
  expect(await selecting({ dataplaneTags: { app: "other" } })).toBe(0);
  expect(await selecting({ dataplaneRef: { name: "dp-1" } })).toBe(1);
  expect(await selecting({})).toBe(0);
  const names = (await request("GET /meshes/default/meshservices/web/_hostnames")).body;
  expect(names).toEqual({ items: [{ hostname: "web.test", zones: [{ name: "east" }] }], total: 1 });
});

test("global shows the services of zones as these see them, and names in every zone; of its own, none", async () => {
  const global = await planeWithMesh();
  await global.request("PUT /meshes/default/meshexternalservices/ext", {
    ...{ type: "MeshExternalService", mesh: "default", name: "ext", spec: { match: { port: 443 } } },
    status: { vip: { ip: "1.2.3.4" } },
  });
  const shown = (await global.request("GET /meshes/default/meshexternalservices/ext")).body;
  expect(shown).toMatchObject({ status: { vip: {} } });
  const [east, west] = [new FakeZoneStore(), new FakeZoneStore()];
  global.zones.set("east", east).set("west", west);
  const spec = { spec: { state: "Unavailable", selector: {}, ports }, status: {} };
  await east.put({ type: "MeshService", mesh: "default", name: "web", labels: origin, spec });
  await east.put(record({ type: "MeshService", name: "web", service: { ...named("web.test"), observed } }, "241.0.0.0"));
  const synced = (await global.request("GET /meshes/default/meshservices")).body.items[0];
  await west.put(record({ type: "MeshService", name: synced.name as string, service: named("web.east.test") }, "241.0.0.9"));
  expect(synced).toMatchObject({ spec: { state: "Available" }, status: { vips: [{ ip: "241.0.0.0" }] } });
  expect((await global.request(`GET /meshes/default/meshservices/${synced.name}/_hostnames`)).body).toEqual({
    items: [
      { hostname: "web.east.test", zones: [{ name: "west" }] },
      { hostname: "web.test", zones: [{ name: "east" }] },
    ],
    total: 2,
  });
});

test("a name that is too long for a host's is refused", async () => {
  const { request } = await zonePlane();
  const name = "a".repeat(64);
  for (const [path, type, spec] of [
    ["meshservices", "MeshService", { ports }],
    ["meshexternalservices", "MeshExternalService", { match: { port: 80 } }],
  ] as const) {
    const refused = await request(`PUT /meshes/default/${path}/${name}`, { type, mesh: "default", name, labels: origin, spec });
    expect(refused.body).toMatchObject({
      title: "Could not create a resource",
      invalid_parameters: [{ field: "name", reason: "must not be longer than 63 characters" }],
    });
  }
});

test("a zone writes gateways, secrets and policies; what both sides call the same is said on both", async () => {
  const { request, zoneStore, put } = await zonePlane();
  const gateway = {
    type: "MeshGateway",
    mesh: "default",
    name: "edge",
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: { listeners: [{ port: 80, protocol: "HTTP" }] },
  };
  expect((await request("PUT /meshes/default/meshgateways/edge", gateway)).body).toEqual({});
  expect(zoneStore.list("MeshGateway")[0]).toMatchObject({ name: "edge", labels: { ...origin, "kuma.io/zone": "east" } });
  const secret = (name: string) => ({ type: "Secret", mesh: "default", name, data: Buffer.from("s3cret").toString("base64") });
  expect((await request("PUT /meshes/default/secrets/mine", secret("mine"))).status).toBe(201);
  expect(JSON.stringify(zoneStore.list("Secret"))).not.toContain(secret("mine").data);
  expect((await request("GET /meshes/default/secrets/mine")).body.data).toBe(secret("mine").data);
  await put({ type: "Secret", mesh: "default", name: "theirs", spec: { data: "" } });
  // What global has holds in every zone, and what signs tokens is global's alone.
  for (const name of ["theirs", "dataplane-token-signing-key-default-1"]) {
    expect((await request(`PUT /meshes/default/secrets/${name}`, secret(name))).status).toBeGreaterThanOrEqual(400);
    expect(zoneStore.get("Secret", "default", name)).toBeUndefined();
  }
  await put({ type: "MeshGateway", mesh: "default", name: "edge", spec: {} });
  expect((await request("PUT /meshes/default/meshgateways/edge", gateway)).body).toEqual({
    warnings: ["global has a MeshGateway of this name: while this zone has one, global's does not hold here"],
  });
  expect((await request("GET /meshes/default/meshgateways")).body.total).toBe(2);

  const global = await planeWithMesh();
  global.zones.set("east", zoneStore);
  expect((await global.request("PUT /meshes/default/meshgateways/edge", gateway)).body).toEqual({
    warnings: ["zone east has a MeshGateway of this name, which holds there instead"],
  });
  expect((await request("DELETE /meshes/default/meshgateways/edge")).status).toBe(200);
  expect((await request("DELETE /meshes/default/secrets/mine")).status).toBe(200);
  expect(zoneStore.list("Secret")).toEqual([]);
  // These stay global's.
  expect((await request("PUT /meshes/default/timeouts/x", {})).status).toBe(405);
  expect((await request("PUT /global-secrets/x", {})).status).toBe(405);
});
