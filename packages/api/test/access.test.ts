import { request as requestHttps } from "node:https";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { describe, expect, test } from "vitest";
import { createApi } from "../src/index.ts";
import { planeOptions, createPlane, planeWithMesh, timeout } from "./fake-plane.ts";

const remote = { remoteAddress: "10.1.1.1" };
const as = (token: string) => ({ ...remote, headers: { authorization: `Bearer ${token}` } });

test("who asks is told who they are", async () => {
  const { request } = createPlane();
  expect((await request("GET /who-am-i")).body).toEqual({
    name: "mesh-system:admin",
    groups: ["mesh-system:admin", "mesh-system:authenticated"],
  });
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
    detail: "Unauthenticated: not a good token",
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

const onlyFor = (name: string) => ({ users: [name], groups: [] });

test("who may do what is as the settings say", async () => {
  const everybody = { users: [], groups: ["mesh-system:unauthenticated", "mesh-system:authenticated"] };
  const { request, issued } = await planeWithMesh({
    settings: {
      access: {
        adminResources: { users: [], groups: ["team-a"] },
        generateDpToken: onlyFor("john"),
        generateUserToken: onlyFor("john"),
        generateZoneToken: onlyFor("nobody"),
        viewConfigDump: onlyFor("john"),
        viewStats: onlyFor("jane"),
        viewClusters: everybody,
        controlPlaneMetadata: onlyFor("john"),
      },
    },
  });
  const john = as("user-token");
  const document = { type: "Secret", mesh: "default", name: "s", data: "YQ==" };
  expect((await request("PUT /meshes/default/secrets/s", document, john)).status).toBe(201);
  // The rule is all there is: it does not name admins, who are members of their group only.
  expect((await request("GET /meshes/default/secrets/s", undefined, as("admin-token"))).body.detail).toBe(
    'user "jane/mesh-system:admin,mesh-system:authenticated" cannot access the resource of type "Secret"',
  );
  expect((await request("POST /tokens/dataplane", { mesh: "default" }, john)).status).toBe(200);
  expect((await request("POST /tokens/dataplane", { mesh: "default" })).status).toBe(403);
  expect((await request("POST /tokens/user", { name: "x", validFor: "1h" }, john)).status).toBe(200);
  expect((await request("POST /tokens/user", { name: "x", validFor: "1h" })).status).toBe(403);
  expect((await request("POST /tokens/zone", { zone: "z", scope: [] }, john)).body).toMatchObject({
    title: "Access Denied",
    detail: `user "john/team-a,mesh-system:authenticated" cannot access generate zone token for zone 'z'`,
  });
  expect(issued).toHaveLength(2);
  expect((await request("GET /config", undefined, john)).status).toBe(200);
  expect((await request("GET /config", undefined, remote)).body).toEqual({
    type: "/std-errors",
    status: 403,
    title: "Access Denied",
    detail: 'user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access control-plane metadata',
    details: 'user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access control-plane metadata',
  });
  const view = (what: string, options: object) => request(`GET /meshes/default/dataplanes/absent/${what}`, undefined, options);
  expect((await view("stats", john)).body).toMatchObject({
    status: 403,
    detail: 'user "john/team-a,mesh-system:authenticated" cannot access envoy proxy info',
  });
  // Let in, it is told that there is no such proxy.
  expect([(await view("xds", john)).status, (await view("clusters", remote)).status]).toEqual([404, 404]);
  expect([(await view("xds", remote)).status, (await view("stats", as("admin-token"))).status]).toEqual([403, 404]);
});

test("each kind of tokens has a switch of its own", async () => {
  const { request, issued } = await planeWithMesh({ settings: { issueTokens: { dataplane: false, zone: false, user: true } } });
  for (const [kind, body] of [
    ["dataplane", { mesh: "default" }],
    ["zone", { zone: "z", scope: ["ingress"] }],
  ] as const) {
    expect((await request(`POST /tokens/${kind}`, body)).body).toEqual({
      type: "/std-errors",
      status: 400,
      title: "Could not issue a token",
      detail: "issuing tokens using the control plane is disabled.",
      details: "issuing tokens using the control plane is disabled.",
    });
  }
  expect((await request("POST /tokens/user", { name: "jane", validFor: "1h" })).status).toBe(200);
  expect(issued).toHaveLength(1);
});

describe("HTTPS", () => {
  const [server, clients, strangers] = [selfSignedPair(["localhost"]), selfSignedPair(["client"]), selfSignedPair(["stranger"])];

  async function whoAmI(
    options: { required: boolean; authentication: "tokens" | "adminClientCerts" },
    credentials: { cert?: string; key?: string; token?: string },
  ): Promise<{ name?: string; status?: number; error?: string }> {
    const tls = { key: server.privateKeyPem, cert: server.certificatePem };
    const api = createApi(planeOptions({ settings: { localhostIsAdmin: false, authentication: options.authentication } }).options, {
      ...tls,
      clients: { ca: [clients.certificatePem], required: options.required },
    });
    const address = await api.listen({ host: "127.0.0.1", port: 0 });
    try {
      return await new Promise((resolve) => {
        const { token, ...pair } = credentials;
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        const call = requestHttps(`${address}/who-am-i`, {
          ca: server.certificatePem,
          servername: "localhost",
          agent: false,
          headers,
          ...pair,
        });
        call.on("error", (error) => resolve({ error: error.message }));
        call.on("response", (answer) =>
          resolve(
            answer.toArray().then((chunks) => {
              const { name } = JSON.parse(Buffer.concat(chunks).toString()) as { name?: string };
              return name === undefined ? { status: answer.statusCode } : { name };
            }),
          ),
        );
        call.end();
      });
    } finally {
      await api.close();
    }
  }
  const pairOf = ({ certificatePem, privateKeyPem }: typeof server) => ({ cert: certificatePem, key: privateKeyPem });

  test("a client certificate makes an admin where that is so decided, and tokens then count for nothing", async () => {
    const byCertificate = { required: false, authentication: "adminClientCerts" } as const;
    expect(await whoAmI(byCertificate, pairOf(clients))).toEqual({ name: "mesh-system:admin" });
    expect(await whoAmI(byCertificate, { token: "user-token" })).toEqual({ name: "mesh-system:anonymous" });
    expect(await whoAmI(byCertificate, pairOf(strangers))).toEqual({ error: expect.any(String) });
    const byToken = { required: false, authentication: "tokens" } as const;
    expect(await whoAmI(byToken, { ...pairOf(clients), token: "user-token" })).toEqual({ name: "john" });
    expect(await whoAmI(byToken, pairOf(clients))).toEqual({ name: "mesh-system:anonymous" });
  });

  test("a client certificate can be required of everyone", async () => {
    const required = { required: true, authentication: "tokens" } as const;
    expect(await whoAmI(required, { ...pairOf(clients), token: "user-token" })).toEqual({ name: "john" });
    expect(await whoAmI(required, { token: "user-token" })).toEqual({ error: expect.any(String) });
    expect(await whoAmI(required, pairOf(strangers))).toEqual({ error: expect.any(String) });
  });

  test("there are no user tokens where certificates make admins", async () => {
    const { request } = createPlane({ settings: { authentication: "adminClientCerts" } });
    expect((await request("POST /tokens/user", { name: "x", validFor: "1h" })).status).toBe(404);
    expect((await request("POST /tokens/dataplane", { mesh: "no" })).body.title).toBe("Signing Key not found");
  });
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
