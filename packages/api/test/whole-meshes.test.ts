import { createSigningKey } from "@atoll/token";
import { expect, test } from "vitest";
import { createPlane, mesh, planeWithMesh, timeout } from "./fake-plane.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const secret = (name: string, text: string, of = "moved") => ({ type: "Secret", mesh: of, name, data: base64(text) });
const backend = (name: string) => ({ enabledBackend: name, backends: [{ name, type: "builtin" }] });
const resources = (...documents: object[]) => ({ resources: documents });
const dataOf = async ({ request }: ReturnType<typeof createPlane>, name: string) =>
  Buffer.from((await request(`GET /meshes/moved/secrets/${name}`)).body.data, "base64").toString();

test("a mesh that comes with its CA and its signing keys keeps them; what it lacks is made", async () => {
  const plane = createPlane();
  const key = await createSigningKey();
  const documents = [
    mesh("moved", { mtls: backend("ca-1") }),
    secret("moved.ca-builtin-cert-ca-1", "their cert"),
    secret("moved.ca-builtin-key-ca-1", "their key"),
    secret("dataplane-token-signing-key-moved-2", key),
    timeout("t", "moved"),
  ];
  const applied = await plane.request("POST /changes", resources(...documents));
  expect([applied.status, applied.text]).toEqual([200, expect.any(String)]);
  expect(await dataOf(plane, "moved.ca-builtin-cert-ca-1")).toBe("their cert");
  expect(await dataOf(plane, "dataplane-token-signing-key-moved-2")).toBe(key);
  // A key of Atoll's beside theirs would be one more that opens the mesh.
  expect((await plane.request("GET /meshes/moved/secrets/dataplane-token-signing-key-moved-1")).status).toBe(404);
  expect(applied.body.changed).toContain("TokenVerificationKey/moved/dataplane-token-signing-key-moved-2");

  const alone = createPlane();
  expect((await alone.request("POST /changes", resources(mesh("moved", { mtls: backend("ca-1") }), timeout("t", "moved")))).status).toBe(
    200,
  );
  expect(await dataOf(alone, "moved.ca-builtin-cert-ca-1")).toBe("cert of moved");
  expect((await alone.request("GET /meshes/moved/secrets/dataplane-token-signing-key-moved-1")).status).toBe(200);
});

test("a provided CA may come with the mesh that names it", async () => {
  const provided = (cert: string) =>
    mesh("moved", {
      mtls: {
        enabledBackend: "own",
        backends: [{ name: "own", type: "provided", conf: { cert: { secret: cert }, key: { secret: "own-key" } } }],
      },
    });
  const { request, config } = createPlane();
  const bad = await request("POST /changes", resources(provided("own-cert"), secret("own-cert", "bad"), secret("own-key", "key")));
  expect(bad.body.invalid_parameters).toEqual([{ field: "resources[0].mtls.backends[0].conf.cert[0]", reason: "not a CA" }]);
  const absent = await request("POST /changes", resources(provided("other"), secret("own-cert", "cert"), secret("own-key", "key")));
  expect(absent.body.invalid_parameters[0].reason).toContain('Resource not found: type="Secret" name="other"');
  expect(config.revision).toBe(0);
  expect(
    (await request("POST /changes", resources(provided("own-cert"), secret("own-cert", "cert"), secret("own-key", "key")))).status,
  ).toBe(200);
});

test("policies that a mesh starts with do not collide with those that come along", async () => {
  const { request } = createPlane();
  const policy = {
    type: "MeshTimeout",
    mesh: "moved",
    name: "mesh-timeout-all-moved",
    spec: { targetRef: { kind: "Mesh" }, to: [{ targetRef: { kind: "Mesh" }, default: { connectionTimeout: "9s" } }] },
  };
  expect((await request("POST /changes", resources({ type: "Mesh", name: "moved" }, policy))).status).toBe(200);
  expect((await request("GET /meshes/moved/meshtimeouts/mesh-timeout-all-moved")).body.spec.to[0].default).toEqual({
    connectionTimeout: "9s",
  });
  expect((await request("GET /meshes/moved/meshretries")).body.total).toBe(1);
});

test("documents that contradict each other are refused together", async () => {
  const { request, config } = await planeWithMesh();
  const before = config.revision;
  const service = {
    type: "ExternalService",
    mesh: "default",
    name: "s",
    tags: { "kuma.io/service": "s", version: "1" },
    networking: { address: "a:1" },
  };
  const limit = {
    type: "RateLimit",
    mesh: "default",
    name: "l",
    sources: [{ match: { "kuma.io/service": "*" } }],
    destinations: [{ match: { "kuma.io/service": "s", version: "1" } }],
    conf: { http: { requests: 1, interval: "1s" } },
  };
  expect((await request("POST /changes", resources(service, limit))).status).toBe(400);
  expect(config.revision).toBe(before);
});

test("a dry run checks everything, says what would change, and writes nothing", async () => {
  const { request, config } = await planeWithMesh();
  await request("PUT /meshes/default/timeouts/same", timeout("same"));
  const before = config.revision;
  const dry = (body: object) => request("POST /changes?dry_run=true", body);
  const documents = [timeout("same"), timeout("new"), mesh("moved", { mtls: backend("ca-1") })];
  const answer = await dry({ resources: documents });
  expect(answer.body).toMatchObject({ dryRun: true, revision: before });
  expect(answer.body.changed).toEqual([
    "Mesh//moved",
    "Secret/moved/moved.ca-builtin-cert-ca-1",
    "Secret/moved/moved.ca-builtin-key-ca-1",
    "Secret/moved/dataplane-token-signing-key-moved-1",
    "TokenVerificationKey/moved/dataplane-token-signing-key-moved-1",
    "Timeout/default/new",
  ]);
  expect((await dry({ resources: [timeout("u", "nowhere")] })).status).toBe(404);
  expect((await dry({ resources: [timeout("same")], expect: { "Timeout/default/same": 1 } })).status).toBe(409);
  expect((await request("POST /changes?dry_run=maybe", { resources: [timeout("new")] })).status).toBe(400);
  expect(config.revision).toBe(before);
});

test("a builtin CA without a name is refused, as its secrets would have no names", async () => {
  const { request, config } = await planeWithMesh();
  const answer = await request("PUT /meshes/unnamed", { type: "Mesh", name: "unnamed", mtls: { backends: [{ type: "builtin" }] } });
  expect([answer.status, answer.body.invalid_parameters?.[0].reason]).toEqual([400, '"" name must be valid dns name']);
  expect(config.list("Secret", "unnamed")).toEqual([]);
});
