import { expect, test } from "vitest";
import { FakeZoneStore, createPlane, mesh, planeWithMesh } from "./fake-plane.ts";

const policy = (name: string, labels?: Record<string, string>) => ({
  type: "MeshTimeout",
  mesh: "default",
  name,
  ...(labels && { labels }),
  spec: { targetRef: { kind: "Mesh" }, to: [{ targetRef: { kind: "Mesh" }, default: { connectionTimeout: "1s" } }] },
});

/** A zone with a policy of its own, and global with the zone. */
async function globalAndZone() {
  const zone = createPlane({ settings: { mode: "zone", zone: "east" } });
  await zone.config.submit({
    id: "1",
    at: "2026-01-02T03:04:05.000Z",
    author: "",
    changes: [
      { op: "put", resource: { type: "Mesh", mesh: "", name: "default", spec: {} } },
      { op: "put", resource: { type: "MeshTimeout", mesh: "default", name: "of-global", spec: policy("of-global").spec } },
    ],
    expect: [],
  });
  const put = await zone.request("PUT /meshes/default/meshtimeouts/own", policy("own", { "kuma.io/origin": "zone" }));
  expect(put.status).toBe(201);
  const global = await planeWithMesh();
  const east = new FakeZoneStore();
  global.zones.set("east", east);
  for (const resource of zone.zoneStore.list("MeshTimeout")) await east.put(resource);
  await east.put({ type: "Dataplane", mesh: "default", name: "web", spec: { networking: { address: "10.0.0.1" } } });
  return { global, zone };
}

test("what a zone has is not changed on global, and nothing of its name comes to be there", async () => {
  const { global } = await globalAndZone();
  const [shown] = (await global.request("GET /meshes/default/meshtimeouts")).body.items;
  expect(shown).toMatchObject({ name: expect.stringMatching(/^own-/), labels: { "kuma.io/origin": "zone", "kuma.io/zone": "east" } });
  const at = `/meshes/default/meshtimeouts/${shown.name}`;
  const belongs = `MeshTimeout "${shown.name}" of mesh "default" belongs to zone "east": change it there`;
  const refused = { status: 405, title: "Method not allowed", detail: belongs };
  const before = global.config.revision;
  // As a script does that edits what it reads; its labels say where it comes from.
  const edited = await global.request(`PUT ${at}`, { ...shown, spec: policy("x").spec });
  expect([edited.status, edited.body.invalid_parameters]).toEqual([
    400,
    [
      {
        field: 'labels["kuma.io/origin"]',
        reason: 'the resource comes from zone "east": change it there, or leave the label out to write one of global\'s own',
      },
    ],
  ]);
  // And without them.
  expect((await global.request(`PUT ${at}`, policy(shown.name))).body).toMatchObject(refused);
  expect((await global.request(`DELETE ${at}`)).body).toMatchObject(refused);
  expect((await global.request("POST /changes", { resources: [policy(shown.name)] })).body).toMatchObject(refused);
  const deletion = { delete: [{ type: "MeshTimeout", mesh: "default", name: shown.name }] };
  expect((await global.request("POST /changes", deletion)).body).toMatchObject(refused);
  expect(global.config.revision).toBe(before);
  expect((await global.request("GET /meshes/default/meshtimeouts")).body.total).toBe(1);
  // One that nobody has is not there, as before.
  expect((await global.request("DELETE /meshes/default/meshtimeouts/nobody")).status).toBe(404);
});

test("a zone does not change what global has, nor what another zone has", async () => {
  const { zone } = await globalAndZone();
  const { items } = (await zone.request("GET /meshes/default/meshtimeouts")).body;
  const shown = items.find(({ name }: { name: string }) => name.startsWith("of-global"));
  const at = `/meshes/default/meshtimeouts/${shown.name}`;
  const refused = { status: 405, detail: `MeshTimeout "${shown.name}" of mesh "default" belongs to global: change it there` };
  expect((await zone.request(`DELETE ${at}`)).body).toMatchObject(refused);
  expect((await zone.request(`PUT ${at}`, policy(shown.name, { "kuma.io/origin": "zone" }))).body).toMatchObject(refused);
  expect(zone.zoneStore.list("MeshTimeout").map(({ name }) => name)).toEqual(["own"]);
  expect((await zone.request("DELETE /meshes/default/meshtimeouts/own")).status).toBe(200);
});

test.each<[string, Record<string, string>, string | undefined]>([
  ["an origin of global, which is so", { "kuma.io/origin": "global" }, undefined],
  ["an origin of a zone", { "kuma.io/origin": "zone" }, 'labels["kuma.io/origin"]'],
  ["a zone", { "kuma.io/zone": "east" }, 'labels["kuma.io/zone"]'],
  ["both", { "kuma.io/origin": "zone", "kuma.io/zone": "east" }, 'labels["kuma.io/origin"]'],
  ["an origin that is none", { "kuma.io/origin": "moon" }, 'labels["kuma.io/origin"]'],
  ["labels of its own", { team: "a" }, undefined],
])("on global, %s", async (_what, labels, field) => {
  const { request } = await planeWithMesh();
  for (const [path, document] of [
    ["/meshes/default/meshtimeouts/a", policy("a", labels)],
    ["/meshes/other", { ...mesh("other"), labels }],
  ] as const) {
    const answer = await request(`PUT ${path}`, document);
    expect([answer.status, answer.body.invalid_parameters?.[0].field]).toEqual(field === undefined ? [201, undefined] : [400, field]);
    const changes = await request("POST /changes", { resources: [{ ...document, name: `${document.name}2` }] });
    expect([changes.status, changes.body.invalid_parameters?.[0].field]).toEqual(
      field === undefined ? [200, undefined] : [400, `resources[0].${field}`],
    );
  }
});

test("the label of the mesh is that of the mesh it is in", async () => {
  const { request } = await planeWithMesh();
  await request("PUT /meshes/default/meshtimeouts/a", policy("a", { "kuma.io/mesh": "another" }));
  expect((await request("GET /meshes/default/meshtimeouts/a")).body.labels).toEqual({ "kuma.io/mesh": "default" });
});
