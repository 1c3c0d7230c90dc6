import { generateKeyPairSync } from "node:crypto";
import { LogError } from "@atoll/event-log";
import type { Change } from "@atoll/replica";
import { expect, test } from "vitest";
import { createPlane, mesh, planeWithMesh, timeout } from "./fake-plane.ts";

const builtin = (name = "ca-1") => ({ mtls: { enabledBackend: name, backends: [{ name, type: "builtin" }] } });
const pem = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" }) as string;
const base64 = (value: string) => Buffer.from(value).toString("base64");
const serviceUnavailable = { title: "Service unavailable", status: 503 };

test("a new mesh is one change set: CA, signing key and its public half, default policies", async () => {
  const { request, config } = createPlane();
  const { skipCreatingInitialPolicies: _skip, ...document } = mesh("m", builtin());
  expect((await request("PUT /meshes/m", document)).status).toBe(201);
  expect(config.records).toHaveLength(1);
  const { changes, expect: expected } = config.records[0]!.changeSet;
  const keys = changes.map((change) =>
    change.op === "put" ? `${change.resource.type}/${change.resource.mesh}/${change.resource.name}` : "",
  );
  expect(keys).toEqual([
    "Mesh//m",
    "Secret/m/m.ca-builtin-cert-ca-1",
    "Secret/m/m.ca-builtin-key-ca-1",
    "Secret/m/dataplane-token-signing-key-m-1",
    "TokenVerificationKey/m/dataplane-token-signing-key-m-1",
    "MeshTimeout/m/mesh-timeout-all-m",
    "MeshTimeout/m/mesh-gateways-timeout-all-m",
    "MeshCircuitBreaker/m/mesh-circuit-breaker-all-m",
    "MeshRetry/m/mesh-retry-all-m",
  ]);
  expect(expected).toEqual(keys.map((key) => ({ key, revision: null })));
  expect(JSON.stringify(changes)).not.toContain("PRIVATE KEY");
  expect(config.get("TokenVerificationKey", "m", "dataplane-token-signing-key-m-1")?.spec).toMatchObject({
    kid: "1",
    publicKeyPem: expect.stringContaining("PUBLIC KEY"),
  });
  const { body } = await request("GET /meshes/m/secrets/m.ca-builtin-cert-ca-1");
  expect(Buffer.from(body.data, "base64").toString()).toBe("cert of m");
});

test("initial policies are skipped by type", async () => {
  const { request } = createPlane();
  await request("PUT /meshes/m", mesh("m", { skipCreatingInitialPolicies: ["MeshTimeout"] }));
  const total = async (path: string) => (await request(`GET /meshes/m/${path}`)).body.total;
  expect(await Promise.all(["meshtimeouts", "meshretries", "meshcircuitbreakers"].map(total))).toEqual([0, 1, 1]);
});

test("an update makes the CA of a new backend only, and refuses to change the enabled one", async () => {
  const { request, config } = await planeWithMesh();
  expect((await request("PUT /meshes/default", mesh("default", builtin()))).status).toBe(200);
  const certificate = config.get("Secret", "default", "default.ca-builtin-cert-ca-1");
  expect((await request("PUT /meshes/default", mesh("default", builtin()))).status).toBe(200);
  expect(config.get("Secret", "default", "default.ca-builtin-cert-ca-1")).toBe(certificate);
  const refused = await request("PUT /meshes/default", mesh("default", builtin("ca-2")));
  expect(refused).toMatchObject({
    status: 400,
    body: { title: "Could not update a resource", invalid_parameters: [{ field: "mtls.enabledBackend" }] },
  });
});

test("a mesh is deleted with all it holds, but not while dataplanes are attached", async () => {
  const { request, config, zones } = await planeWithMesh();
  const { FakeZoneStore } = await import("./fake-plane.ts");
  const east = new FakeZoneStore();
  zones.set("east", east);
  await request("PUT /meshes/default/timeouts/t", timeout("t"));
  await east.put({ type: "Dataplane", mesh: "default", name: "dp", spec: { networking: { address: "10.0.0.1", inbound: [] } } });
  expect((await request("DELETE /meshes/default")).body).toMatchObject({
    status: 400,
    title: "Could not delete a resource",
    invalid_parameters: [{ field: "mesh", reason: "unable to delete mesh, there are still some dataplanes attached" }],
  });
  east.delete({ type: "Dataplane", mesh: "default", name: "dp" });
  expect(await request("DELETE /meshes/default")).toMatchObject({ status: 200, text: "{}\n" });
  expect([...config.state.all()]).toEqual([]);
});

test("a secret that a CA backend uses stays", async () => {
  const { request } = await planeWithMesh();
  await request("PUT /meshes/default", mesh("default", builtin()));
  expect((await request("DELETE /meshes/default/secrets/default.ca-builtin-key-ca-1")).body.invalid_parameters).toEqual([
    {
      field: "name",
      reason:
        'The secret "default.ca-builtin-key-ca-1" that you are trying to remove is currently in use in Mesh "default" in mTLS backend "ca-1". Please remove the reference from the "ca-1" backend before removing the secret.',
    },
  ]);
});

test("a zone that is online stays", async () => {
  const { request, zoneInsights } = createPlane();
  expect((await request("PUT /zones/east", { type: "Zone", name: "east", enabled: true })).status).toBe(201);
  zoneInsights.set("east", { subscriptions: [{ id: "1", connectTime: "2026-01-01T00:00:00Z" }] });
  expect((await request("GET /status/zones")).body).toEqual([{ name: "east", active: true }]);
  expect((await request("DELETE /zones/east")).body.invalid_parameters).toEqual([
    { field: "zone", reason: "unable to delete Zone, Zone CP is still connected, please shut it down first" },
  ]);
  zoneInsights.set("east", { subscriptions: [{ id: "1", connectTime: "2026-01-01T00:00:00Z", disconnectTime: "2026-01-02T00:00:00Z" }] });
  expect((await request("DELETE /zones/east")).status).toBe(200);
  expect((await request("GET /status/zones")).text).toBe("null\n");
});

test("settings that make no authority are refused, whether the mesh is new or not", async () => {
  const { request, config } = await planeWithMesh();
  const mtls = { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin", conf: { caCert: { expiration: "soon" } } }] };
  for (const [name, title] of [
    ["new", "Could not create a resource"],
    ["default", "Could not update a resource"],
  ]) {
    expect((await request(`PUT /meshes/${name}`, mesh(name!, { mtls }))).body).toMatchObject({
      status: 400,
      title,
      invalid_parameters: [{ field: "mtls.backends[0].conf.caCert.expiration", reason: "has to be a valid format" }],
    });
  }
  expect(config.list("Secret", "new")).toEqual([]);
});

test("a signing key and its public half come and go together", async () => {
  const { request, config } = await planeWithMesh();
  const name = "zone-token-signing-key-3";
  expect((await request(`PUT /global-secrets/${name}`, { type: "GlobalSecret", name, data: base64(pem()) })).status).toBe(201);
  expect(config.get("TokenVerificationKey", "", name)?.spec).toMatchObject({ kid: "3" });
  expect((await request(`DELETE /global-secrets/${name}`)).status).toBe(200);
  expect(config.get("TokenVerificationKey", "", name)).toBeUndefined();
});

test("nothing is refused for what another process has changed meanwhile and this one has yet to hear of", async () => {
  const { request, config } = await planeWithMesh();
  const path = "/meshes/default/timeouts/t";
  const key = { type: "Timeout", mesh: "default", name: "t" };
  let ids = 0;
  const elsewhere = (change: Change) => () =>
    config.submit({ id: `elsewhere-${(ids += 1)}`, at: "2026-01-02T03:04:05Z", author: "a", changes: [change], expect: [] });
  const put = { op: "put", resource: { ...key, spec: timeout("t") } } satisfies Change;

  config.behind = elsewhere(put);
  expect(await request(`DELETE ${path}`)).toMatchObject({ status: 200 });
  expect(config.get("Timeout", "default", "t")).toBeUndefined();
  expect(await request(`DELETE ${path}`)).toMatchObject({ status: 404 });

  config.behind = elsewhere(put);
  expect(await request(`PUT ${path}`, timeout("t"), { headers: { "if-match": "*" } })).toMatchObject({ status: 200 });
  config.behind = elsewhere({ op: "delete", key });
  expect(await request(`PUT ${path}`, timeout("t"), { headers: { "if-none-match": "*" } })).toMatchObject({ status: 201 });
  expect(await request(`PUT ${path}`, timeout("t"), { headers: { "if-none-match": "*" } })).toMatchObject({ status: 409 });

  // Whether it would have to be refused cannot be told while the log is away.
  config.failure = new LogError("unavailable", "the log is away");
  expect(await request(`PUT ${path}`, timeout("t"), { headers: { "if-none-match": "*" } })).toMatchObject({ status: 503 });
});

test("If-Match and If-None-Match decide, and the loser gets 409", async () => {
  const { request, config } = await planeWithMesh();
  const put = (headers: Record<string, string>) => request("PUT /meshes/default/timeouts/t", timeout("t"), { headers });
  expect((await put({ "if-match": '"7"' })).body).toMatchObject({
    status: 409,
    title: "Conflict",
    detail: 'Timeout "t" of mesh "default" does not exist',
  });
  expect(await put({ "if-none-match": "*" })).toMatchObject({ status: 201, headers: { "atoll-revision": "2" } });
  expect(await put({ "if-none-match": "*" })).toMatchObject({ status: 409 });
  expect(await put({ "if-match": '"2"' })).toMatchObject({ status: 200, headers: { "atoll-revision": "3" } });
  expect((await put({ "if-match": '"2"' })).body.detail).toBe('Timeout "t" of mesh "default" is at revision 3, not 2');
  expect(config.revision).toBe(3);
  expect((await request("DELETE /meshes/default/timeouts/t", undefined, { headers: { "if-match": '"2"' } })).status).toBe(409);
  expect((await request("DELETE /meshes/default/timeouts/t", undefined, { headers: { "if-match": '"3"' } })).status).toBe(200);
});

test("a race lost to another writer is tried again, unless it was a condition", async () => {
  const { request, config } = await planeWithMesh();
  await request("PUT /meshes/default/timeouts/t", timeout("t"));
  const { request: elsewhere } = createPlane({ config });
  const race = () => elsewhere("PUT /meshes/default/timeouts/t", timeout("t", "default", { labels: { by: "other" } }));
  config.before = race;
  expect((await request("PUT /meshes/default/timeouts/t", timeout("t"))).status).toBe(200);
  expect(config.records.map(({ verdict }) => verdict.accepted)).toEqual([true, true, true, false, true]);

  const { revision } = config;
  config.before = race;
  const conditional = await request("PUT /meshes/default/timeouts/t", timeout("t"), { headers: { "if-match": `"${revision}"` } });
  expect(conditional).toMatchObject({ status: 409, body: { title: "Conflict" } });

  // The mesh changed, the resource of the condition did not: no reason to refuse.
  const now = config.get("Timeout", "default", "t")!.revision;
  config.before = () => elsewhere("PUT /meshes/default", mesh("default", { routing: { localityAwareLoadBalancing: true } }));
  expect((await request("PUT /meshes/default/timeouts/t", timeout("t"), { headers: { "if-match": `"${now}"` } })).status).toBe(200);
});

test("many writers of one key cost one record each", async () => {
  const { request, config } = await planeWithMesh();
  const writes = Array.from({ length: 100 }, (_, i) =>
    request("PUT /meshes/default/timeouts/t", timeout("t", "default", { labels: { i: `${i}` } })),
  );
  const statuses = (await Promise.all(writes)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(1);
  expect(statuses.filter((status) => status === 200)).toHaveLength(99);
  expect(config.revision).toBe(101);
});

test("of many writers with the same condition one wins", async () => {
  const { request } = await planeWithMesh();
  const headers = { "if-none-match": "*" };
  const writes = Array.from({ length: 50 }, () => request("PUT /meshes/default/timeouts/t", timeout("t"), { headers }));
  const statuses = (await Promise.all(writes)).map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([201, ...Array(49).fill(409)]);
});

test("a mesh deleted meanwhile takes the write with it", async () => {
  const { request, config } = await planeWithMesh();
  config.before = () => request("DELETE /meshes/default");
  expect((await request("PUT /meshes/default/timeouts/t", timeout("t"))).body).toMatchObject({
    status: 404,
    title: "Failed to retrieve Mesh",
  });
  expect([...config.state.all()]).toEqual([]);
});

test("a log that can not be written is 503 with the reason", async () => {
  const { request, config } = await planeWithMesh();
  config.failure = new LogError("unavailable", "no connection to global");
  const { body, status } = await request("PUT /meshes/default/timeouts/t", timeout("t"));
  expect(status).toBe(503);
  expect(body).toMatchObject({ ...serviceUnavailable, detail: "the log can not be written now: no connection to global" });
  expect((await request("GET /meshes/default")).status).toBe(200);
});

test("several documents are one change set, or nothing", async () => {
  const { request, config } = createPlane();
  const applied = await request("POST /changes", { resources: [timeout("t", "new"), mesh("new")], reason: "first" });
  expect(applied).toMatchObject({ status: 200, headers: { "atoll-revision": "1" }, body: { revision: 1 } });
  expect(applied.body.changed).toContain("Timeout/new/t");
  expect((await request("GET /revisions/1")).body).toMatchObject({
    revision: 1,
    author: "mesh-system:admin",
    reason: "first",
    accepted: true,
  });

  const broken = await request("POST /changes", {
    resources: [
      timeout("u", "new"),
      { type: "Zone", name: "Z" },
      { type: "MeshGatewayRoute", mesh: "new", name: "r", selectors: [], conf: {} },
    ],
  });
  expect(broken.status).toBe(400);
  const fields = broken.body.invalid_parameters.map(({ field }: { field: string }) => field);
  expect(fields).toContain("resources[1].name");
  expect(fields).toContain("resources[2].conf");
  const stale = { resources: [timeout("u", "new")], delete: [{ type: "Timeout", mesh: "new", name: "t" }], expect: { "Timeout/new/t": 9 } };
  expect((await request("POST /changes", stale)).status).toBe(409);
  expect(config.revision).toBe(1);
  expect((await request("POST /changes", { ...stale, expect: { "Timeout/new/t": 1, "Timeout/new/u": null } })).status).toBe(200);
  expect((await request("GET /meshes/new/timeouts")).body.items.map(({ name }: { name: string }) => name)).toEqual(["u"]);
});

test.each([
  ["{", 400, 'invalid change set: "unexpected end of JSON input"'],
  ["[]", 400, "invalid change set: must be an object"],
  ["{}", 400, "invalid change set: it changes nothing"],
  ['{"resources":[{"type":"Moon","name":"x"}]}', 400, 'invalid change set: resources[0]: unknown type "Moon"'],
  [
    '{"resources":[{"type":"TokenVerificationKey","name":"x"}]}',
    400,
    'invalid change set: resources[0]: unknown type "TokenVerificationKey"',
  ],
  ['{"delete":[{"type":"Zone"}]}', 400, "invalid change set: delete[0]: mesh and name must be texts"],
  ['{"delete":[{"type":"Zone","name":"x"},{"type":"Zone","name":"x"}]}', 404, "Not found"],
  ['{"resources":[{"type":"Zone","name":"x"},{"type":"Zone","name":"x"}]}', 400, "Zone//x is changed twice in one change set"],
  ['{"resources":[{"type":"Zone","name":"x"}],"expect":{"x":1}}', 400, 'invalid change set: expect: "x" is not "Type/mesh/name"'],
  [
    '{"resources":[{"type":"Zone","name":"x"}],"expect":{"Zone//x":"1"}}',
    400,
    'invalid change set: expect: "Zone//x" must be a revision or null',
  ],
])("the change set %s is refused", async (body, status, detail) => {
  const { request, config } = createPlane();
  expect((await request("POST /changes", body)).body).toMatchObject({ status, detail });
  expect(config.revision).toBe(0);
});

test("the history shows no secret, sealed or not", async () => {
  const { request } = await planeWithMesh();
  const { text } = await request("GET /revisions");
  expect(text).toContain("dataplane-token-signing-key-default-1");
  expect(text).not.toContain("sealed");
  expect((await request("GET /revisions?from=1&to=1")).body.items).toHaveLength(1);
  expect((await request("GET /revisions/7")).status).toBe(404);
  expect((await request("GET /revisions/soon")).status).toBe(400);
});

test("a revision that another process has answered with is found by one that has yet to fold it", async () => {
  const { request, config } = await planeWithMesh();
  const key = { type: "Timeout", mesh: "default", name: "t" };
  let ids = 0;
  for (const path of ["", "/diff"]) {
    const next = config.revision + 1;
    config.behind = () =>
      config.submit({
        id: `elsewhere-${(ids += 1)}`,
        at: "2026-01-02T03:04:05Z",
        author: "a",
        changes: [{ op: "put", resource: { ...key, spec: timeout("t") } }],
        expect: [],
      });
    const answer = await request(path === "" ? `GET /revisions/${next}` : `GET ${path}?from=1&to=${next}`);
    expect(answer.status).toBe(200);
  }
  expect((await request(`GET /revisions/${config.revision + 1}`)).status).toBe(404);
});
