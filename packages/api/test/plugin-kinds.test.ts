import { expect, test } from "vitest";
import { maskedSettings } from "../src/index.ts";
import { FakeZoneStore, createPlane, planeWithMesh, time } from "./fake-plane.ts";

const to = [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "5s" } }];
const meshTimeout = (more: object = {}) => ({ type: "MeshTimeout", mesh: "default", name: "mt", spec: { to }, ...more });
const meshService = {
  type: "MeshService",
  mesh: "default",
  name: "ms",
  labels: { "kuma.io/origin": "zone" },
  spec: { ports: [] },
  status: { vips: [] },
};

test("a service that is a resource shows its status beside its spec", async () => {
  const { request } = await planeWithMesh();
  const service = { type: "MeshExternalService", mesh: "default", name: "mes", spec: { match: { port: 1 } } };
  await request("PUT /meshes/default/meshexternalservices/mes", service);
  const stored = (await request("GET /meshes/default/meshexternalservices/mes")).body;
  expect(stored).toMatchObject({ ...service, status: {} });
  expect(Object.keys(stored).slice(-2)).toEqual(["spec", "status"]);
  expect((await request("GET /meshes/default/meshexternalservices/mes/_hostnames")).body).toEqual({ items: [], total: 0 });
  expect((await request("GET /meshes/default/timeouts/any/_hostnames")).body).toMatchObject({
    status: 400,
    title: 'only "meshservices,meshexternalservices,meshmultizoneservices" are available for inspection',
  });
  expect((await request("GET /meshes/default/meshexternalservices/no/_hostnames")).body).toMatchObject({
    title: "could not retrieve service",
  });
});

test("a mesh that brings its default policies brings no warnings", async () => {
  const { request, config } = createPlane();
  const { status, text } = await request("PUT /meshes/default", { type: "Mesh", name: "default" });
  expect({ status, text }).toEqual({ status: 201, text: "{}\n" });
  expect(config.list("MeshTimeout", "default")).toHaveLength(2);
});

test("a zone keeps what it writes of such kinds in its own log, where global finds it", async () => {
  const zone = createPlane({ settings: { mode: "zone", zone: "east" } });
  await zone.config.submit({
    id: "1",
    at: time,
    author: "x",
    expect: [],
    changes: [{ op: "put", resource: { type: "Mesh", mesh: "", name: "default", spec: {} } }],
  });
  const path = "PUT /meshes/default/meshtimeouts/mt";
  const refused = await zone.request(path, meshTimeout());
  expect(refused.body.invalid_parameters).toEqual([
    { field: 'labels["kuma.io/origin"]', reason: "the origin label must be set to 'zone'" },
  ]);
  const written = await zone.request(path, meshTimeout({ labels: { "kuma.io/origin": "zone" } }));
  expect({ status: written.status, body: written.body }).toEqual({ status: 201, body: {} });
  expect((await zone.request("PUT /meshes/default/meshservices/ms", meshService)).status).toBe(201);
  // A status is the zone's to say, not the author's.
  expect((await zone.request("GET /meshes/default/meshservices/ms")).body).toMatchObject({
    ...meshService,
    status: { tls: {}, dataplaneProxies: {} },
    labels: { "kuma.io/zone": "east" },
  });
  expect((await zone.request("PUT /meshes/default/meshmultizoneservices/x", {})).status).toBe(405);
  expect((await zone.request("PUT /meshes/default/timeouts/x", {})).status).toBe(405);

  const global = await planeWithMesh();
  const east = new FakeZoneStore();
  global.zones.set("east", east);
  for (const resource of [...zone.zoneStore.list("MeshTimeout"), ...zone.zoneStore.list("MeshService")]) await east.put(resource);
  expect((await global.request("GET /meshes/default/meshtimeouts")).body.items[0].name).toMatch(/^mt-\w{16}$/);
  expect((await global.request("GET /meshservices")).body.total).toBe(1);
  expect((await global.request("PUT /meshes/default/meshservices/ms", meshService)).status).toBe(405);
  expect((await zone.request("DELETE /meshes/default/meshtimeouts/mt")).status).toBe(200);
  expect((await zone.request("GET /meshes/default/meshtimeouts")).body.total).toBe(0);
});

test("rules of a proxy without places or outbounds are empty", async () => {
  const plane = await planeWithMesh();
  const west = new FakeZoneStore();
  plane.zones.set("west", west);
  await west.put({ type: "Dataplane", mesh: "default", name: "web", spec: { networking: { address: "10.0.0.1" } } });
  const { name } = (await plane.request("GET /meshes/default/dataplanes")).body.items[0];
  await plane.request("PUT /meshes/default/meshtimeouts/mt", meshTimeout());
  expect((await plane.request(`GET /meshes/default/dataplanes/${name}/rules`)).body).toEqual({ total: 0, items: [] });
  expect((await plane.request(`GET /meshes/default/dataplanes/${name}/_rules`)).body).toMatchObject({
    httpMatches: [],
    rules: [],
    resource: { name },
  });
});

test("a zone shows what its proxies are told, by type and name, and what policies would change that are there to be looked at", async () => {
  const told = (timeout: string) => ({ "t/Cluster": { a: { name: "a" } }, "t/Listener": { l: { chains: [{ timeout }] } } });
  const inspect = async (_: unknown, { shadow }: { shadow?: boolean }) => JSON.stringify(told(shadow ? "1s" : "15s"));
  const proxies = { inspect, appliedRevisions: () => ({}), watchApplied: () => () => {} };
  const zone = createPlane({ settings: { mode: "zone", zone: "east" }, proxies });
  await zone.zoneStore.put({ type: "Dataplane", mesh: "default", name: "web", spec: { networking: { address: "10.0.0.1" } } });
  const config = async (query = "") => (await zone.request(`GET /meshes/default/dataplanes/web/_config${query}`)).body;
  expect(await config()).toEqual({ xds: told("15s") });
  expect(await config("?include=diff")).toEqual({ diff: [], xds: told("15s") });
  expect(await config("?shadow=true")).toEqual({ xds: told("1s") });
  const path = "/t~1Listener/l/chains/0/timeout";
  expect(await config("?include=diff&shadow=true")).toEqual({
    diff: [
      { op: "test", path, value: "15s" },
      { op: "remove", path, value: "15s" },
      { op: "add", path, value: "1s" },
    ],
    xds: told("1s"),
  });
  expect((await zone.request("GET /meshes/default/dataplanes/no/_config")).status).toBe(404);
  for (const query of ["shadow=x", "include=all", "include=diff,"]) {
    expect(await config(`?${query}`)).toMatchObject({
      status: 400,
      detail: `bad request: unsupported value for query parameter '${query.split("=")[0]}'`,
    });
  }
});

test("settings are shown without their secrets", () => {
  expect(
    maskedSettings({ zone: { token: "t", tokenFile: "/f" }, users: [{ password: "p" }], url: "redis://u:p@host:1", on: true, token: "" }),
  ).toEqual({
    zone: { token: "*****", tokenFile: "/f" },
    users: [{ password: "*****" }],
    url: "redis://*****@host:1",
    on: true,
    token: "",
  });
});
