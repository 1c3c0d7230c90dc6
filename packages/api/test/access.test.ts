import { expect, test } from "vitest";
import { createPlane, planeWithMesh, timeout } from "./fake-plane.ts";

const remote = { remoteAddress: "10.1.1.1" };
const as = (token: string) => ({ ...remote, headers: { authorization: `Bearer ${token}` } });

test("who asks is told who they are", async () => {
  const { request } = createPlane();
  expect((await request("GET /who-am-i")).body).toEqual({
    name: "mesh-system:admin",
    groups: ["mesh-system:admin", "mesh-system:authenticated"],
  });
  expect((await request("GET /who-am-i", undefined, { headers: { authorization: "Bearer bad" } })).status).toBe(200);
  expect((await request("GET /who-am-i", undefined, remote)).body).toEqual({
    name: "mesh-system:anonymous",
    groups: ["mesh-system:unauthenticated"],
  });
  expect((await request("GET /who-am-i", undefined, as("user-token"))).body).toEqual({
    name: "john",
    groups: ["team-a", "mesh-system:authenticated"],
  });
  expect((await request("GET /who-am-i", undefined, as("bad"))).body).toMatchObject({
    status: 401,
    title: "Invalid authentication data",
    detail: "Unauthenticated",
  });
  expect((await request("GET /", undefined, as("bad"))).status).toBe(200);
  expect((await request("GET /nothing", undefined, as("bad"))).status).toBe(401);
});

test("localhost is nobody special if so decided", async () => {
  const { request } = createPlane({ settings: { localhostIsAdmin: false } });
  expect((await request("GET /who-am-i")).body.name).toBe("mesh-system:anonymous");
});

test("secrets are for admins, everything else for everyone", async () => {
  const { request } = await planeWithMesh();
  const denied = {
    status: 403,
    title: "Access Denied",
    detail: 'user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access the resource of type "Secret"',
  };
  const document = { type: "Secret", mesh: "default", name: "s", data: "YQ==" };
  expect((await request("GET /meshes/default/secrets", undefined, remote)).body).toMatchObject(denied);
  expect((await request("GET /meshes/default/secrets/s", undefined, remote)).body).toMatchObject(denied);
  expect((await request("PUT /meshes/default/secrets/s", document, remote)).body).toMatchObject(denied);
  expect((await request("GET /global-secrets", undefined, as("user-token"))).body.detail).toBe(
    'user "john/team-a,mesh-system:authenticated" cannot access the resource of type "GlobalSecret"',
  );
  expect((await request("PUT /meshes/default/secrets/s", document, as("admin-token"))).status).toBe(201);
  expect((await request("DELETE /meshes/default/secrets/s", undefined, remote)).body).toMatchObject(denied);
  expect((await request("GET /meshes/default/secrets/s", undefined, as("admin-token"))).body).toMatchObject({
    type: "Secret",
    data: "YQ==",
  });
  expect((await request("POST /changes", { resources: [document] }, remote)).body).toMatchObject(denied);
  expect((await request("PUT /meshes/default/timeouts/t", timeout("t"), remote)).status).toBe(201);
});

test("nothing is written where everything is read only", async () => {
  const { request } = createPlane({ settings: { readOnly: true } });
  expect((await request("PUT /zones/z", { type: "Zone", name: "z" })).status).toBe(405);
  expect((await request("POST /changes", { resources: [{ type: "Zone", name: "z" }] })).status).toBe(405);
});

test("tokens are issued for what is asked, with the life that is asked", async () => {
  const { request, issued } = await planeWithMesh();
  const key = { type: "GlobalSecret", name: "zone-token-signing-key", data: "a2V5" };
  await request("PUT /global-secrets/zone-token-signing-key", key);
  const reply = await request("POST /tokens/dataplane", {
    Name: "dp-1",
    mesh: "default",
    tags: { "kuma.io/service": ["web"] },
    validFor: "24h0m0s",
  });
  expect(reply).toMatchObject({ status: 200, text: "header.payload.signature", headers: { "content-type": "text/plain" } });
  expect((await request("POST /tokens/zone", { zone: "zone-1", scope: ["ingress"], validFor: "1h" })).status).toBe(200);
  expect((await request("POST /tokens/user", { name: "jane", groups: ["team-a"], validFor: "1h" })).status).toBe(200);
  expect(issued).toMatchObject([
    { kind: "dataplane", request: { claims: { name: "dp-1", mesh: "default" }, validForMs: 86_400_000 }, author: "mesh-system:admin" },
    { kind: "zone", request: { claims: { zone: "zone-1", scope: ["ingress"] }, validForMs: 3_600_000 } },
    { kind: "user", request: { claims: { name: "jane", groups: ["team-a"] } } },
  ]);
});

const missingKey = (resource: string, where = "") =>
  `there is no signing key with KID 1. ${resource}${where} is not found. If signing key was rotated, regenerate the token`;

test.each([
  ["dataplane", { name: "dp-1", validFor: "1h" }, 400, "mesh: cannot be empty"],
  ["dataplane", { mesh: "default", type: "robot", validFor: "1h" }, 400, "type: robot is not a valid proxy type"],
  ["dataplane", { mesh: "default", validFor: "soon" }, 400, 'validFor: is invalid: time: invalid duration "soon"'],
  ["dataplane", { mesh: "nomesh" }, 404, missingKey('Secret of name "dataplane-token-signing-key-nomesh-1"', ' in mesh "nomesh"')],
  ["zone", { zone: "zone-1", validFor: "1h" }, 400, "scope: cannot be empty"],
  ["zone", { zone: "zone-1", scope: ["egress"] }, 404, missingKey('GlobalSecret of name "zone-token-signing-key-1"')],
  ["user", { validFor: "1h" }, 400, "name: cannot be empty"],
])("a %s token for %j is refused", async (kind, body, status, says) => {
  const { request, issued } = await planeWithMesh();
  const reply = await request(`POST /tokens/${kind}`, body);
  expect(reply.status).toBe(status);
  const first = reply.body.invalid_parameters?.[0];
  expect(first === undefined ? reply.body.detail : `${first.field}: ${first.reason}`).toBe(says);
  expect(reply.body.title).toBe(status === 404 ? "Signing Key not found" : "Invalid request");
  expect(issued).toEqual([]);
});

test("a token request that is no JSON gets 400 and no body; one from a stranger 403", async () => {
  const { request } = await planeWithMesh();
  expect(await request("POST /tokens/zone", "{")).toMatchObject({ status: 400, text: "" });
  expect((await request("POST /tokens/zone", { zone: "z" }, remote)).body).toMatchObject({
    status: 403,
    detail: `user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access generate zone token for zone 'z'`,
  });
  expect((await request("POST /tokens/dataplane", { mesh: "default" }, remote)).body.detail).toContain(
    "cannot access generate dataplane token",
  );
  expect((await request("POST /tokens/user", "{", remote)).body).toMatchObject({ status: 403, detail: "action not allowed" });
});

test("what the issuer refuses is passed on", async () => {
  const problem = { status: 503, title: "Service unavailable", detail: "the token service does not answer" };
  const { request } = await planeWithMesh({ issueToken: async () => ({ problem }) });
  expect((await request("POST /tokens/dataplane", { mesh: "default" })).body).toMatchObject(problem);
});

test("a control plane presents itself so that clients of 2.10 accept it", async () => {
  const { request } = createPlane();
  expect((await request("GET /")).body).toEqual({
    clusterId: "cluster",
    gui: "",
    hostname: "host",
    instanceId: "host-1234",
    product: "Kuma",
    version: "2.10.11",
  });
  expect((await request("GET /config")).text).toBe('{"mode":"global","store":{"password":"*****"}}');
  const { resources } = (await request("GET /_resources")).body;
  expect(resources.map(({ name }: { name: string }) => name)).not.toContain("TokenVerificationKey");
  expect(resources.find(({ name }: { name: string }) => name === "Timeout")).toEqual({
    includeInFederation: true,
    name: "Timeout",
    path: "timeouts",
    pluralDisplayName: "Timeouts",
    policy: { hasFromTargetRef: false, hasToTargetRef: false, isFromAsRules: false, isTargetRef: false },
    readOnly: false,
    scope: "Mesh",
    singularDisplayName: "Timeout",
  });
  const { policies } = (await request("GET /policies")).body;
  expect(policies.map(({ name }: { name: string }) => name)).toEqual(policies.map(({ name }: { name: string }) => name).toSorted());
  expect(policies.find(({ name }: { name: string }) => name === "MeshTimeout")).toMatchObject({
    path: "meshtimeouts",
    isTargetRefBased: true,
    isInbound: true,
    isOutbound: true,
  });
  const { paths } = (await request("GET /openapi.json")).body;
  expect(Object.keys(paths["/meshes/{mesh}/timeouts/{name}"])).toEqual(["put", "delete", "get"]);
});
