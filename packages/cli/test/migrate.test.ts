import { request } from "node:http";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { createBuiltinCa } from "@atoll/certificate";
import { createSigningKey, issueToken, readSigningKey } from "@atoll/token";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

// What kumactl prints of a Kuma that has been in use: bare meshes first, secrets before what names them, user keys last.
const old = "2025-03-04T05:06:07.123456789Z";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const keys: Record<"dataplane" | "zone" | "user", string> = { dataplane: "", zone: "", user: "" };
let ca: { certPem: string; keyPem: string };
let plane: ControlPlane;

beforeAll(async () => {
  for (const kind of ["dataplane", "zone", "user"] as const) keys[kind] = await createSigningKey();
  ca = await createBuiltinCa({ mesh: "shop", nowMs: Date.now() });
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const stamped = { creationTime: old, modificationTime: old };
const secret = (mesh: string, name: string, text: string) => ({ ...stamped, mesh, name, type: "Secret", data: base64(text) });
const globalSecret = (name: string, text: string) => ({ ...stamped, name, type: "GlobalSecret", data: base64(text) });
const inMesh = (type: string, name: string, rest: object, labels: object = { "kuma.io/mesh": "shop" }) => ({
  ...stamped,
  labels,
  mesh: "shop",
  name,
  type,
  ...rest,
});
const everything = [{ match: { "kuma.io/service": "*" } }];
const mtls = { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] };

const documents = () => [
  { ...stamped, name: "default", type: "Mesh" },
  { ...stamped, name: "shop", type: "Mesh" },
  secret("default", "dataplane-token-signing-key-default-1", keys.dataplane),
  secret("shop", "dataplane-token-signing-key-shop-2", keys.dataplane),
  secret("shop", "dataplane-token-revocations-shop", "stolen"),
  secret("shop", "shop.ca-builtin-cert-ca-1", ca.certPem),
  secret("shop", "shop.ca-builtin-key-ca-1", ca.keyPem),
  globalSecret("zone-token-signing-key-1", keys.zone),
  globalSecret("envoy-admin-ca", "not to be taken along"),
  { ...stamped, name: "default", type: "Mesh", skipCreatingInitialPolicies: ["*"] },
  { ...stamped, name: "shop", type: "Mesh", skipCreatingInitialPolicies: ["*"], mtls, meshServices: { mode: "Everywhere" } },
  inMesh("Timeout", "slow", { sources: everything, destinations: everything, conf: { connectTimeout: "5s" } }),
  inMesh("MeshGatewayRoute", "edge", {
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: {
      http: { rules: [{ matches: [{ path: { match: "PREFIX", value: "/" } }], backends: [{ destination: { "kuma.io/service": "a" } }] }] },
    },
  }),
  inMesh("MeshTrafficPermission", "allow", {
    spec: { targetRef: { kind: "Mesh" }, from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }] },
  }),
  inMesh("MeshMetric", "none", { spec: { targetRef: { kind: "Mesh" }, default: { backends: [] } } }),
  inMesh("Dataplane", "web-1-abc", {
    networking: { address: "10.0.0.1", inbound: [{ port: 80, tags: { "kuma.io/service": "web" } }] },
  }),
  inMesh("MeshTimeout", "of-a-zone", { spec: { targetRef: { kind: "Mesh" } } }, { "kuma.io/origin": "zone", "kuma.io/zone": "east" }),
  inMesh("MeshMoon", "full", { spec: {} }),
  { ...stamped, name: "east", type: "Zone", enabled: true },
  globalSecret("user-token-signing-key-1", keys.user),
];

let files = 0;
function exported(parts: readonly object[] = documents()): string {
  const path = join(plane.folder, `export-${files++}.yaml`);
  const header = "# Product: Kuma, Version: 2.10.11, Hostname: cp, ClusterId: a, InstanceId: b\n";
  writeFileSync(path, header + parts.map((part) => `---\n${stringify(part)}`).join(""));
  return path;
}

interface Report {
  summary: Record<string, number>;
  resources: { type: string; mesh: string; name: string; outcome: string; why?: string }[];
  tokens: { kind: string; mesh?: string; kids: string[] }[];
  authorities: object[];
  attention: string[];
  obstacles: string[];
  applied: { revision: number } | null;
}
async function report(...args: string[]): Promise<Report> {
  const { out, err } = await plane.ctl("migrate", "-o", "json", ...args);
  if (out === "") throw new Error(err);
  return JSON.parse(out) as Report;
}
const revision = async () => Number((await fetch(`${plane.url}/`)).headers.get("atoll-revision"));
const outcomeOf = ({ resources }: Report, type: string, name: string) => resources.find((one) => one.type === type && one.name === name);

/** Who a user token makes of a caller that is not at localhost. */
const whoIs = (token: string) =>
  new Promise<unknown>((resolve, reject) => {
    const call = request(`${plane.url}/who-am-i`, { localAddress: "127.0.0.2", headers: { authorization: `Bearer ${token}` } });
    call.on("error", reject);
    call.on("response", (answer) => resolve(answer.toArray().then((chunks): unknown => JSON.parse(Buffer.concat(chunks).toString()))));
    call.end();
  });

test("the report says what carries over, what changes and what does not, and writes nothing", async () => {
  const before = await revision();
  const shown = await report("-f", exported());
  expect(shown.summary).toEqual({ create: 10, replace: 4, same: 0, conflict: 0, leftOut: 4, invalid: 0 });
  expect(shown.resources.filter(({ outcome }) => outcome === "left-out").map(({ type, why }) => `${type}: ${why}`)).toEqual([
    "GlobalSecret: each control plane has its own",
    "Dataplane: its proxy brings it when it connects",
    "MeshTimeout: it belongs to zone east: apply it there",
    "MeshMoon: Atoll does not know this kind",
  ]);
  expect(shown.resources.filter(({ outcome }) => outcome === "replace").map(({ name }) => name)).toEqual([
    "dataplane-token-signing-key-default-1",
    "zone-token-signing-key-1",
    "default",
    "user-token-signing-key-1",
  ]);
  expect(outcomeOf(shown, "MeshTrafficPermission", "allow")).toMatchObject({ outcome: "create" });
  expect(outcomeOf(shown, "MeshMetric", "none")).toMatchObject({ outcome: "create" });
  expect(shown.tokens).toMatchObject([
    { kind: "dataplane", mesh: "default", kids: ["1"] },
    { kind: "dataplane", mesh: "shop", kids: ["2"], revocations: true },
    { kind: "zone", kids: ["1"], says: expect.stringContaining("scope cp") },
    { kind: "user", kids: ["1"] },
  ]);
  expect(shown.authorities).toMatchObject([{ mesh: "shop", backend: "ca-1", kept: true }]);
  expect(shown.attention).toEqual([
    "mesh shop has MeshGatewayRoutes and no MeshGateway: export with --profile federation-with-policies",
    expect.stringContaining("Atoll's first key of user tokens is replaced"),
    expect.stringContaining("Atoll's first key of zone tokens is replaced"),
  ]);
  const text = await plane.ctl("migrate", "-f", exported());
  expect(text.code).toBe(0);
  expect(text.out).toContain("From an export of Kuma 2.10.11: 18 resources");
  expect(text.out).toMatch(/MeshMetric +shop\/none$/m);
  expect(text.out).toMatch(/Nothing was written: --apply imports it as one change set\.\n$/);
  for (const leak of [base64(keys.zone), keys.zone.slice(40, 80), base64(ca.keyPem)]) expect(text.out).not.toContain(leak);
  expect(await revision()).toBe(before);
});

test("what is not valid, in conflict or refused stands in the way of all of it", async () => {
  const before = await revision();
  const apply = (parts: readonly object[], ...more: string[]) => plane.ctl("migrate", "--apply", "-f", exported(parts), ...more);
  const invalid = [...documents(), inMesh("Timeout", "bad", { sources: [], destinations: everything, conf: {} })];
  const refused = await apply(invalid);
  expect(refused.code).toBe(1);
  expect(refused.out).toMatch(/Not valid\n {2}Timeout shop\/bad\n {4}\* sources: must have at least one element\n/);
  expect(refused.err).toContain("nothing was imported: 1 is not valid");
  // Each is valid; together they name a Secret that is nowhere.
  const provided = {
    enabledBackend: "own",
    backends: [{ name: "own", type: "provided", conf: { cert: { secret: "none" }, key: { secret: "none" } } }],
  };
  const dangling = await apply([...documents(), { ...stamped, name: "lost", type: "Mesh", mtls: provided }]);
  expect(dangling.code).toBe(1);
  expect(dangling.out).toContain('could not load data: Resource not found: type="Secret" name="none" mesh="lost"');
  expect(dangling.out).toContain("mesh lost, backend own: it names Secrets that the source does not have: none, none");
  expect(await revision()).toBe(before);
  expect((await report("-f", exported(invalid), "--leave-out", "Timeout/shop/bad")).obstacles).toEqual([]);
  expect(await plane.ctl("migrate")).toMatchObject({ code: 1, err: "Error: either --file or --from is needed\n" });
  expect((await plane.ctlWith("", "migrate", "-f", "-")).err).toBe("Error: the export holds no documents\n");
});

test("the import is one revision; again it is nothing; tokens and CAs are those of before", async () => {
  const before = await revision();
  const path = exported();
  const done = await report("-f", path, "--apply", "--reason", "moving house");
  expect(done.applied).toEqual({ revision: before + 1 });
  expect(await revision()).toBe(before + 1);
  const record = (await (await fetch(`${plane.url}/revisions/${before + 1}`)).json()) as object;
  expect(record).toMatchObject({ accepted: true, reason: "moving house", author: "mesh-system:admin" });

  const again = await report("-f", path, "--apply");
  expect(again.summary).toMatchObject({ create: 0, replace: 0, same: 14, conflict: 0 });
  expect(again.applied).toBeNull();
  expect(await revision()).toBe(before + 1);

  const certificate = (await (await fetch(`${plane.url}/meshes/shop/secrets/shop.ca-builtin-cert-ca-1`)).json()) as { data: string };
  expect(Buffer.from(certificate.data, "base64").toString()).toBe(ca.certPem);
  const userToken = await issueToken({
    kind: "user",
    claims: { name: "jo", groups: ["mesh-system:admin"] },
    key: { kid: "1", privateKey: readSigningKey(Buffer.from(keys.user)) },
    jti: "of-kuma",
    nowMs: Date.now(),
    validForMs: 60_000,
  });
  expect(await whoIs(userToken)).toMatchObject({ name: "jo" });
  // New tokens are signed with the keys that came along, too.
  const { out } = await plane.ctl("generate", "dataplane-token", "--mesh", "shop", "--valid-for", "1h");
  expect(JSON.parse(Buffer.from(out.split(".")[0]!, "base64url").toString())).toMatchObject({ kid: "2" });
});

test("what somebody has changed since is a conflict, which a flag decides", async () => {
  const before = await revision();
  const [slow] = documents().filter(({ name }) => name === "slow");
  await plane.ctl("apply", "-f", exported([{ ...slow, conf: { connectTimeout: "9s" } }]));
  const path = exported();
  const conflicting = await report("-f", path);
  expect(outcomeOf(conflicting, "Timeout", "slow")).toMatchObject({ outcome: "conflict" });
  expect(conflicting.obstacles).toEqual([expect.stringContaining("1 is in conflict: --overwrite")]);
  expect((await plane.ctl("migrate", "--apply", "-f", path)).code).toBe(1);
  expect(await revision()).toBe(before + 1);
  expect((await report("-f", path, "--apply", "--leave-out", "Timeout/shop/slow")).applied).toBeNull();
  expect((await report("-f", path, "--apply", "--overwrite")).applied).toEqual({ revision: before + 2 });
  const kept = (await (await fetch(`${plane.url}/meshes/shop/timeouts/slow`)).json()) as object;
  expect(kept).toMatchObject({ conf: { connectTimeout: "5s" } });
});

test("a control plane that runs can be the source, and the Kubernetes form of an export", async () => {
  const target = await startControlPlane();
  try {
    const { out } = await target.ctl("migrate", "--from", plane.url, "-o", "json", "--apply");
    const live = JSON.parse(out) as Report;
    expect([live.obstacles, live.applied]).toEqual([[], { revision: expect.any(Number) }]);
    const kubernetes = await plane.ctl("export", "--profile", "federation-with-policies", "--format", "kubernetes");
    const path = join(plane.folder, "kubernetes.yaml");
    writeFileSync(path, kubernetes.out);
    const compared = JSON.parse((await target.ctl("migrate", "-f", path, "-o", "json")).out) as Report;
    expect(compared.summary).toMatchObject({ create: 0, replace: 0, conflict: 0, invalid: 0, leftOut: 0 });
  } finally {
    await target.close();
  }
});

test("a mesh with ExternalServices and nobody who may dial them is pointed out, with mTLS or without", async () => {
  const shop = { type: "ExternalService", name: "bank", mesh: "plain", networking: { address: "bank.test:443" } };
  const { attention } = await report(
    "-f",
    exported([
      { type: "Mesh", name: "plain" },
      { ...shop, tags: { "kuma.io/service": "bank" } },
    ]),
  );
  expect(attention).toContain("mesh plain has ExternalServices and no TrafficPermission: no proxy may dial them until you write one");
});
