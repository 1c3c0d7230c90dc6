import { X509Certificate } from "node:crypto";
import { builtinCaSecretNames, createBuiltinCa, createServerCertificate, type PemPair } from "@atoll/certificate";
import { SealingKey, sealSecret } from "@atoll/secret";
import { selfSignedPair } from "@atoll/testkit";
import type { SecretView } from "@atoll/view";
import type { EncodedResource } from "@atoll/xds";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { SecretMaterials, type IssuedCertificate } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

const ring = { zone: SealingKey.generate() };
const startMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
let pairs: PemPair[];
let nowMs: number;
let config: FakeState;
let materials: SecretMaterials;
let issued: (IssuedCertificate & { nodeId: string })[];
let errors: string[];
let changes: number;

beforeAll(async () => {
  pairs = await Promise.all([0, 1, 2].map(() => createBuiltinCa({ mesh: "default", nowMs: startMs })));
});

const secret = (mesh: string, name: string, text: string) =>
  config.putDrafts(sealSecret(ring, { type: "Secret", mesh, name, spec: { data: Buffer.from(text).toString("base64") } }));
const names = (mesh: string) => builtinCaSecretNames(mesh, "ca-1");
const putCa = (mesh: string, pair: PemPair) => {
  secret(mesh, names(mesh).cert, pair.certPem);
  secret(mesh, names(mesh).key, pair.keyPem);
};
const putMesh = (name: string, backend: object = {}) =>
  config.put({ type: "Mesh", name, mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin", ...backend }] } });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  nowMs = startMs;
  config = new FakeState();
  issued = [];
  errors = [];
  changes = 0;
  putMesh("default");
  putCa("default", pairs[0]!);
  materials = new SecretMaterials({
    config,
    keyRing: ring,
    now: () => nowMs,
    onIssued: (nodeId, certificate) => void issued.push({ nodeId, ...certificate }),
    onChanged: () => void changes++,
    onError: (error, nodeId, name) => void errors.push(`${nodeId} ${name}: ${(error as Error).message}`),
    trustLeadMs: 1_000,
    trustOverlapMs: 10_000,
  });
});

afterEach(() => {
  materials.close();
  vi.useRealTimers();
});

/** Time goes on, for timers and the clock alike. */
const pass = (ms: number) => {
  nowMs += ms;
  vi.advanceTimersByTime(ms);
};
/** Waits for keys and signatures, which are made on other threads. */
const until = async (condition: () => boolean) => {
  const deadline = performance.now() + 10_000;
  while (!condition() && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
};

const identity = (services = ["web"]): SecretView => ({
  name: "identity_cert:secret:default",
  source: {
    type: "identity",
    mesh: "default",
    services,
    tags: [["version", "1"], ...services.map((one): [string, string] => ["kuma.io/service", one])],
  },
});
const meshCa = (mesh = "default"): SecretView => ({ name: `mesh_ca:secret:${mesh}`, source: { type: "meshCa", mesh } });
const allCas: SecretView = { name: "mesh_ca:secret:all", source: { type: "allMeshCas", ownMesh: "default" } };
const bundle = (name: string): SecretView => ({
  name: `cert.rsa:secret:${name}`,
  source: { type: "bundle", mesh: "default", data: { secret: name } },
});

/** PEM stands in an encoded secret as it is. */
const contentOf = ({ bytes }: EncodedResource) => {
  const blocks =
    Buffer.from(bytes)
      .toString("latin1")
      .match(/-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  const [keys, certificates] = [true, false].map((isKey) => blocks.filter((block) => block.includes("PRIVATE KEY") === isKey).join("\n"));
  return { key: keys!, certificates: certificates! };
};
const resolveAll = (nodeId: string, ...views: SecretView[]) => {
  const resolved = materials.resolve(nodeId, views);
  return { ...resolved, of: new Map(resolved.resources.map((one) => [one.name, contentOf(one)])) };
};
const leafOf = (nodeId: string, view = identity()) => resolveAll(nodeId, view).of.get(view.name)?.certificates;
const trustOf = (nodeId: string, view = meshCa()) => resolveAll(nodeId, identity(), view).of.get(view.name)!.certificates;
const issue = async (nodeId: string, view = identity()) => {
  const count = () => issued.filter((one) => one.nodeId === nodeId).length;
  const before = count();
  materials.resolve(nodeId, [view]);
  await until(() => count() > before);
  return leafOf(nodeId, view)!;
};
const certificatesIn = (pem: string) =>
  (pem.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((one) => new X509Certificate(one));
const accepts = (trust: string, leaf: string) => certificatesIn(trust).some((ca) => new X509Certificate(leaf).verify(ca.publicKey));

describe("identities", () => {
  test("one is issued in the background, and then stays the same", async () => {
    expect(materials.resolve("a", [identity()])).toEqual({ resources: [], pending: ["identity_cert:secret:default"], failed: [] });
    await until(() => issued.length === 1);
    expect(issued[0]).toEqual({
      nodeId: "a",
      mesh: "default",
      backend: "ca-1",
      supportedBackends: ["ca-1"],
      expires: new Date(startMs + 24 * hourMs),
    });
    const [one, again] = [materials.resolve("a", [identity()]), materials.resolve("a", [identity()])];
    expect(one.resources[0]).toBe(again.resources[0]);
    expect(new X509Certificate(leafOf("a")!).subjectAltName).toBe(
      "URI:spiffe://default/web, URI:kuma://kuma.io/service/web, URI:kuma://version/1",
    );
    expect(issued).toHaveLength(1);
  });

  test("it is renewed when four fifths of its life are over, and not before", async () => {
    const first = await issue("a");
    const { validFrom, validTo } = new X509Certificate(first);
    const renewalMs = Date.parse(validFrom) + 0.8 * (Date.parse(validTo) - Date.parse(validFrom)) - startMs;
    pass(renewalMs - 1_000);
    await until(() => true);
    expect(leafOf("a")).toBe(first);
    pass(1_001);
    await until(() => issued.length === 2);
    expect(leafOf("a")).not.toBe(first);
    expect(Date.parse(new X509Certificate(leafOf("a")!).validTo)).toBeGreaterThan(Date.parse(validTo));
  });

  test("as long as the mesh says", async () => {
    putMesh("default", { dpCert: { rotation: { expiration: "10m" } } });
    await issue("a");
    expect(issued[0]!.expires).toEqual(new Date(startMs + 600_000));
    putMesh("default", { dpCert: { rotation: { expiration: "20m" } } });
    materials.resolve("a", [identity()]);
    await until(() => issued.length === 2);
    expect(issued[1]!.expires).toEqual(new Date(startMs + 1_200_000));
  });

  test("one whose proxy changes its tags is replaced; the old one serves until then", async () => {
    const first = await issue("a");
    const now = identity(["web", "api"]);
    expect(leafOf("a", now)).toBe(first);
    await until(() => issued.length === 2);
    expect(new X509Certificate(leafOf("a", now)!).subjectAltName).toContain("spiffe://default/api");
  });

  test("of a proxy that is gone nothing is left, and nothing is renewed", async () => {
    await issue("a");
    materials.release("a");
    pass(24 * hourMs);
    await until(() => true);
    expect(issued).toHaveLength(1);
    expect(materials.resolve("a", [identity()]).pending).toEqual(["identity_cert:secret:default"]);
  });

  test("an expired CA signs nothing; that is said, and tried again", async () => {
    putCa("default", await createBuiltinCa({ mesh: "default", nowMs: startMs - 10_000, lifetimeMs: 1 }));
    expect(materials.resolve("a", [identity()]).pending).toHaveLength(1);
    await until(() => errors.length === 1);
    expect(errors[0]).toMatch(/^a identity_cert:secret:default: the CA of mesh default expired at 2025-12-31/);
    pass(5_100);
    await until(() => errors.length === 2);
  });

  test("many at once get theirs one after the other", async () => {
    const nodes = Array.from({ length: 20 }, (_, index) => `node-${index}`);
    for (const node of nodes) materials.resolve(node, [identity()]);
    await until(() => issued.length >= 4);
    expect(issued.length).toBeLessThan(20);
    await until(() => issued.length === 20);
    expect(new Set(nodes.map((node) => leafOf(node))).size).toBe(20);
  });
});

describe("replacing a CA", () => {
  /** Everything that two proxies hold at one time, each with what it had before. */
  const held = () => ["a", "b"].map((node) => ({ leaf: leafOf(node)!, trust: trustOf(node) }));
  const expectTrust = (states: ReturnType<typeof held>[]) => {
    for (const [at, state] of states.entries()) {
      // One proxy may be a step ahead of the other.
      for (const other of states.slice(Math.max(0, at - 1), at + 1).flat())
        for (const one of state) {
          expect(accepts(one.trust, other.leaf)).toBe(true);
          expect(accepts(other.trust, one.leaf)).toBe(true);
        }
    }
  };

  test("first both are trusted, then leaves are replaced, then the old one is dropped: no two proxies ever refuse each other", async () => {
    await Promise.all([issue("a"), issue("b")]);
    const states = [held()];
    secret("default", names("default").cert, pairs[1]!.certPem);
    states.push(held());
    secret("default", names("default").key, pairs[1]!.keyPem);
    states.push(held());
    expect(certificatesIn(trustOf("a"))).toHaveLength(2);
    expect(issued).toHaveLength(2);
    pass(1_000);
    expect(changes).toBe(1);
    states.push(held());
    await until(() => issued.length === 4);
    states.push(held());
    expect(certificatesIn(trustOf("a"))).toHaveLength(2);
    pass(10_000);
    expect(changes).toBe(2);
    states.push(held());
    expectTrust(states);
    const last = states.at(-1)!;
    expect(last[0]!.trust.trim()).toBe(pairs[1]!.certPem.trim());
    expect(last.every(({ leaf }) => !accepts(pairs[0]!.certPem, leaf))).toBe(true);
  });

  test("a second replacement before the first is over loses none of the three", async () => {
    await Promise.all([issue("a"), issue("b")]);
    const states = [held()];
    putCa("default", pairs[1]!);
    states.push(held());
    pass(500);
    putCa("default", pairs[2]!);
    states.push(held());
    pass(1_000);
    states.push(held());
    await until(() => issued.length === 4);
    states.push(held());
    pass(20_000);
    states.push(held());
    expectTrust(states);
    expect(states.at(-1)![0]!.trust.trim()).toBe(pairs[2]!.certPem.trim());
  });

  test("while its certificate and its key do not belong together, the one before goes on, and that is said once", async () => {
    const leaf = await issue("a");
    const trust = trustOf("a");
    secret("default", names("default").cert, pairs[1]!.certPem);
    for (let turn = 0; turn < 3; turn++) expect([leafOf("a"), trustOf("a")]).toEqual([leaf, trust]);
    expect(errors).toEqual(["a identity_cert:secret:default: CA key: does not belong to the certificate"]);
  });

  test("a backend of another name is another CA at once: mutual TLS was off in between", async () => {
    await issue("a");
    const { cert, key } = builtinCaSecretNames("default", "ca-2");
    secret("default", cert, pairs[1]!.certPem);
    secret("default", key, pairs[1]!.keyPem);
    config.put({ type: "Mesh", name: "default", mtls: { enabledBackend: "ca-2", backends: [{ name: "ca-2", type: "builtin" }] } });
    expect(trustOf("a").trim()).toBe(pairs[1]!.certPem.trim());
    await until(() => issued.length === 2);
    expect(issued[1]!.backend).toBe("ca-2");
  });
});

describe("what cannot be made", () => {
  test("another mesh's broken CA is trusted for nobody, and keeps no proxy from its own", async () => {
    putMesh("broken");
    await issue("a");
    const views = [identity(), meshCa(), meshCa("broken"), allCas];
    await until(() => materials.resolve("a", views).pending.length === 0);
    const { of, failed } = resolveAll("a", ...views);
    expect(failed).toEqual([]);
    expect(of.get("mesh_ca:secret:default")!.certificates.trim()).toBe(pairs[0]!.certPem.trim());
    expect(of.get("mesh_ca:secret:all")!.certificates.trim()).toBe(pairs[0]!.certPem.trim());
    const [nobody, ...others] = certificatesIn(of.get("mesh_ca:secret:broken")!.certificates);
    expect(others).toEqual([]);
    expect(nobody!.ca).toBe(true);
    expect(pairs.map(({ certPem }) => new X509Certificate(certPem).fingerprint256)).not.toContain(nobody!.fingerprint256);
    expect(errors).toEqual([
      "a mesh_ca:secret:broken (mesh broken): secret broken.ca-builtin-cert-ca-1 of mesh broken is not found",
      "a mesh_ca:secret:all (mesh broken): secret broken.ca-builtin-cert-ca-1 of mesh broken is not found",
    ]);
  });

  test("an identity of a mesh without a CA has failed", () => {
    config.put({ type: "Mesh", name: "default" });
    expect(materials.resolve("a", [identity()])).toMatchObject({ resources: [], pending: [], failed: ["identity_cert:secret:default"] });
    expect(errors).toEqual(["a identity_cert:secret:default: mesh default has no CA"]);
  });

  test("a gateway's certificate that is spoilt stays as it was; one that never was good has failed", async () => {
    const server = await createServerCertificate({ names: ["edge.test"], nowMs: startMs });
    secret("default", "good", server.certPem + server.keyPem);
    secret("default", "bad", "nonsense");
    const before = resolveAll("a", bundle("good"), bundle("bad"));
    expect([before.failed, before.of.get("cert.rsa:secret:good")!.key.trim()]).toEqual([["cert.rsa:secret:bad"], server.keyPem.trim()]);
    secret("default", "good", "nonsense too");
    const after = resolveAll("a", bundle("good"), bundle("bad"));
    expect(after.resources).toEqual(before.resources);
    resolveAll("a", bundle("good"), bundle("bad"));
    expect(errors).toEqual([
      "a cert.rsa:secret:bad: the bundle holds no PEM block",
      "a cert.rsa:secret:good: the bundle holds no PEM block",
    ]);
  });
});

test("the key type of a gateway's certificate is read from its secret", async () => {
  const rsa = await createServerCertificate({ names: ["edge.test"], nowMs: startMs });
  secret("default", "rsa", rsa.certPem + rsa.keyPem);
  const ec = selfSignedPair(["edge.test"]);
  secret("default", "ec", ec.certificatePem + ec.privateKeyPem);
  secret("default", "none", "x");
  expect(["rsa", "ec", "none", "absent"].map((name) => materials.certificateKeyType("default", name))).toEqual([
    "rsa",
    "ecdsa",
    undefined,
    undefined,
  ]);
});
