import { expect, test } from "vitest";
import { FakeZoneStore, dataplane, mesh, planeWithMesh, timeout } from "./fake-plane.ts";

const es = (name: string, address: string) => ({
  type: "ExternalService",
  mesh: "default",
  name,
  tags: { "kuma.io/service": name },
  networking: { address },
});

test("a diff says what was created, updated and deleted, whichever revision is the later one", async () => {
  const { request, config } = await planeWithMesh();
  await request("PUT /meshes/default/timeouts/kept", timeout("kept"));
  await request("PUT /meshes/default/external-services/a", es("a", "a.com:80"));
  await request("PUT /meshes/default/external-services/b", es("b", "b.com:80"));
  const before = config.revision;
  await request("PUT /meshes/default/external-services/a", es("a", "new.com:80"));
  await request("DELETE /meshes/default/external-services/b");
  await request("PUT /meshes/default/external-services/c", es("c", "c.com:80"));
  await request("PUT /meshes/default/timeouts/kept", timeout("kept"));
  const diff = async (query: string) => (await request(`GET /diff?${query}`)).body.items.map((item: any) => `${item.change} ${item.key}`); // oxlint-disable-line typescript/no-explicit-any -- answers of every shape
  expect(await diff(`from=${before}`)).toEqual([
    "updated ExternalService/default/a",
    "deleted ExternalService/default/b",
    "created ExternalService/default/c",
  ]);
  expect(await diff(`from=${config.revision}&to=${before}`)).toEqual([
    "updated ExternalService/default/a",
    "created ExternalService/default/b",
    "deleted ExternalService/default/c",
  ]);
  const { items } = (await request(`GET /diff?from=${before}`)).body;
  expect(items[0]).toMatchObject({
    before: { spec: { networking: { address: "a.com:80" } } },
    after: { spec: { networking: { address: "new.com:80" } } },
  });
  expect((await request("GET /diff")).status).toBe(400);
  expect((await request(`GET /diff?from=${config.revision + 1}`)).status).toBe(404);
});

test("a rollback is one change set after which the configuration is as it was", async () => {
  const { request, config } = await planeWithMesh();
  await request("PUT /meshes/default/external-services/a", es("a", "a.com:80"));
  await request("PUT /meshes/default/timeouts/t", timeout("t"));
  const good = config.revision;
  await request("PUT /meshes/default/external-services/a", es("a", "bad.com:80"));
  await request("DELETE /meshes/default/timeouts/t");
  await request("PUT /meshes/other", mesh("other"));
  await request("PUT /meshes/other/timeouts/t", timeout("t", "other"));
  const bad = config.revision;

  const { status, body, headers } = await request(`POST /revisions/${good}/rollback`, { reason: "bad.com was a mistake" });
  expect({ status, body }).toMatchObject({ status: 200, body: { revision: bad + 1, restored: good } });
  expect(headers["atoll-revision"]).toBe(String(bad + 1));
  expect(config.records.at(-1)?.changeSet).toMatchObject({ author: "mesh-system:admin", reason: "bad.com was a mistake" });
  expect((await request(`GET /diff?from=${good}`)).body.items).toEqual([]);
  expect((await request("GET /meshes/other")).status).toBe(404);
  expect((await request("GET /meshes/default/timeouts/t")).status).toBe(200);

  const again = await request(`POST /revisions/${good}/rollback`, {});
  expect(again.body).toEqual({ revision: bad + 1, restored: good, changed: [] });
  expect(config.revision).toBe(bad + 1);
});

test("a mesh comes back with its signing key; a key that was withdrawn from a mesh that stayed does not", async () => {
  const { request, config } = await planeWithMesh();
  await request("PUT /meshes/gone", mesh("gone"));
  await request("PUT /meshes/default/secrets/plain", { type: "Secret", mesh: "default", name: "plain", data: "b25l" });
  await request("PUT /global-secrets/g", { type: "GlobalSecret", name: "g", data: "b25l" });
  await request("PUT /zones/west", { type: "Zone", name: "west" });
  const then = config.revision;
  await request("DELETE /meshes/gone");
  await request("DELETE /meshes/default/secrets/dataplane-token-signing-key-default-1");
  await request("DELETE /meshes/default/secrets/plain");
  await request("DELETE /global-secrets/g");
  await request("DELETE /zones/west");
  expect((await request(`POST /revisions/${then}/rollback`, {})).status).toBe(200);
  const exists = (type: string, meshName: string, name: string) => config.get(type, meshName, name) !== undefined;
  expect(exists("Secret", "gone", "dataplane-token-signing-key-gone-1")).toBe(true);
  expect(exists("TokenVerificationKey", "gone", "dataplane-token-signing-key-gone-1")).toBe(true);
  expect(exists("Secret", "default", "plain")).toBe(true);
  expect(exists("Secret", "default", "dataplane-token-signing-key-default-1")).toBe(false);
  expect(exists("TokenVerificationKey", "default", "dataplane-token-signing-key-default-1")).toBe(false);
  expect(exists("GlobalSecret", "", "g")).toBe(false);
  expect(exists("Zone", "", "west")).toBe(false);
});

test("a rollback is refused to others than admins, beyond the history, and where it would take the mesh of a dataplane", async () => {
  const plane = await planeWithMesh();
  const { request, config } = plane;
  await request("PUT /meshes/new", mesh("new"));
  const west = new FakeZoneStore();
  plane.zones.set("west", west);
  const { type, name, mesh: _mesh, ...spec } = dataplane("web");
  await west.put({ type, mesh: "new", name, spec });
  const { status, body } = await request("POST /revisions/1/rollback", {});
  expect({ status, fault: body.invalid_parameters }).toMatchObject({ status: 400, fault: [{ field: "mesh" }] });
  expect((await request("POST /revisions/99/rollback", {})).status).toBe(404);
  expect((await request("POST /revisions/x/rollback", {})).status).toBe(400);
  expect((await request("POST /revisions/1/rollback", { reason: 4 })).status).toBe(400);
  const elsewhere = { remoteAddress: "10.1.1.1", headers: { authorization: "Bearer user-token" } };
  expect((await request("POST /revisions/1/rollback", {}, elsewhere)).status).toBe(403);
  expect(config.revision).toBe(2);
});

test("a writer that comes in between is rolled back too", async () => {
  const { request, config } = await planeWithMesh();
  const good = config.revision;
  await request("PUT /meshes/default/timeouts/a", timeout("a"));
  config.before = () => request("PUT /meshes/default/timeouts/a", timeout("a", "default", { conf: { connectTimeout: "9s" } }));
  expect((await request(`POST /revisions/${good}/rollback`, {})).status).toBe(200);
  expect(config.get("Timeout", "default", "a")).toBeUndefined();
});
