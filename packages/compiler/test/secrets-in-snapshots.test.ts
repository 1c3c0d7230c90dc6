import { builtinCaSecretNames, createBuiltinCa, type PemPair } from "@atoll/certificate";
import { MemoryInventory } from "@atoll/inventory";
import { SealingKey, sealSecret } from "@atoll/secret";
import { selfSignedPair } from "@atoll/testkit";
import { SnapshotCache } from "@atoll/xds";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Compiler, SecretMaterials } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

const ring = { zone: SealingKey.generate() };
let pair: PemPair;
let config: FakeState;
let zone: FakeState;
let cache: SnapshotCache;
let compiler: Compiler;
let errors: string[];

beforeAll(async () => {
  pair = await createBuiltinCa({ mesh: "default", nowMs: Date.now() });
});

const secret = (name: string, text: string) =>
  config.putDrafts(sealSecret(ring, { type: "Secret", mesh: "default", name, spec: { data: Buffer.from(text).toString("base64") } }));
const putCa = () => {
  const { cert, key } = builtinCaSecretNames("default", "ca-1");
  secret(cert, pair.certPem);
  secret(key, pair.keyPem);
};
const web = {
  type: "Dataplane",
  mesh: "default",
  name: "web-1",
  networking: { address: "127.0.0.1", inbound: [{ port: 80, tags: { "kuma.io/service": "web" } }] },
};
const edge = {
  type: "Dataplane",
  mesh: "default",
  name: "edge-1",
  networking: { address: "127.0.0.1", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
};
const listener = (hostname: string, name: string) => ({
  port: 8443,
  protocol: "HTTPS",
  hostname,
  tls: { mode: "TERMINATE", certificates: [{ secret: name }] },
});

beforeEach(() => {
  [config, zone, cache, errors] = [new FakeState(), new FakeState(), new SnapshotCache(), []];
  config.put({ type: "Mesh", name: "default", mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } });
  const onError = (error: unknown) => void errors.push((error as Error).message);
  const materials = new SecretMaterials({
    config,
    keyRing: ring,
    now: Date.now,
    onIssued: (nodeId) => compiler.rebuild(nodeId),
    onChanged: () => compiler.rebuildAll(),
    onError,
    trustLeadMs: 20,
    trustOverlapMs: 20,
  });
  compiler = new Compiler({ zone: "zone-1", config, zoneResources: zone, inventory: new MemoryInventory(), materials, cache, onError });
});

afterEach(() => compiler.close());

const settle = async () => {
  while (!compiler.idle) await new Promise((resolve) => setImmediate(resolve));
};
const connect = (document: { name: string }) =>
  compiler.connect(`default.${document.name}`, { type: "dataplane", mesh: "default", name: document.name });
const resources = (nodeId: string, type: string) =>
  [...(cache.get(nodeId)?.resources ?? [])].find(([url]) => url.endsWith(`.${type}`))?.[1];

test("a proxy has no snapshot before its certificate, and then all at once", async () => {
  putCa();
  zone.put(web);
  connect(web);
  await settle();
  expect(cache.get("default.web-1")).toBeUndefined();
  await expect.poll(() => cache.get("default.web-1")).toBeDefined();
  expect([...resources("default.web-1", "Secret")!.keys()]).toEqual(["identity_cert:secret:default", "mesh_ca:secret:default"]);
  expect(resources("default.web-1", "Listener")!.size).toBeGreaterThan(0);
});

test("without its CA it has none; an Envoy that comes back keeps what it has", async () => {
  zone.put(web);
  connect(web);
  await settle();
  config.put({ type: "Mesh", name: "other" });
  await settle();
  expect(cache.get("default.web-1")).toBeUndefined();
  putCa();
  await expect.poll(() => cache.get("default.web-1")).toBeDefined();
});

test("a new CA reaches every proxy step by step, with nothing else changing", async () => {
  putCa();
  zone.put(web);
  connect(web);
  await expect.poll(() => cache.get("default.web-1")).toBeDefined();
  const before = resources("default.web-1", "Secret")!;
  const listeners = resources("default.web-1", "Listener");
  pair = await createBuiltinCa({ mesh: "default", nowMs: Date.now() });
  putCa();
  await expect
    .poll(() => resources("default.web-1", "Secret")!.get("mesh_ca:secret:default"))
    .not.toBe(before.get("mesh_ca:secret:default"));
  expect(resources("default.web-1", "Secret")!.get("identity_cert:secret:default")).toBe(before.get("identity_cert:secret:default"));
  await expect
    .poll(() => resources("default.web-1", "Secret")!.get("identity_cert:secret:default"))
    .not.toBe(before.get("identity_cert:secret:default"));
  await expect
    .poll(
      () =>
        Buffer.from(resources("default.web-1", "Secret")!.get("mesh_ca:secret:default")!.bytes).toString("latin1").split("BEGIN").length,
    )
    .toBe(2);
  expect(resources("default.web-1", "Listener")).toBe(listeners);
});

test("a gateway serves the certificates that are good; one that is mended joins them", async () => {
  const [good, other] = [selfSignedPair(["good.test"]), selfSignedPair(["other.test"])];
  putCa();
  secret("good", good.certificatePem + good.privateKeyPem);
  secret("other", "nonsense");
  config.put({
    type: "MeshGateway",
    mesh: "default",
    name: "edge",
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: { listeners: [listener("good.test", "good"), listener("other.test", "other")] },
  });
  for (const name of ["good", "other"])
    config.put({
      type: "MeshGatewayRoute",
      mesh: "default",
      name,
      selectors: [{ match: { "kuma.io/service": "edge" } }],
      conf: {
        http: {
          hostnames: [`${name}.test`],
          rules: [
            { matches: [{ path: { match: "PREFIX", value: "/" } }], backends: [{ weight: 1, destination: { "kuma.io/service": "web" } }] },
          ],
        },
      },
    });
  zone.put(edge, web);
  connect(edge);
  await expect.poll(() => cache.get("default.edge-1")).toBeDefined();
  const certificates = () => {
    const text = Buffer.from(resources("default.edge-1", "Listener")!.get("edge:HTTPS:8443")!.bytes).toString("latin1");
    return ["good", "other"].filter((name) => text.includes(`:secret:${name}`));
  };
  expect(certificates()).toEqual(["good"]);
  expect(errors).toEqual(["the bundle holds no PEM block"]);
  secret("other", other.certificatePem + other.privateKeyPem);
  await expect.poll(certificates).toEqual(["good", "other"]);
  const names = [...resources("default.edge-1", "Secret")!.keys()].filter((name) => name.startsWith("cert."));
  expect(names).toEqual(["cert.ecdsa:secret:good", "cert.ecdsa:secret:other"]);
  // And one that breaks goes on as it was.
  secret("good", "nonsense");
  await settle();
  expect(certificates()).toEqual(["good", "other"]);
});

test("a listener of which one certificate is missing serves with the other, and is named", async () => {
  const good = selfSignedPair(["good.test"]);
  putCa();
  secret("good", good.certificatePem + good.privateKeyPem);
  const { tls, ...both } = listener("good.test", "good");
  const certificates = [{ secret: "absent" }, ...tls.certificates];
  config.put({
    type: "MeshGateway",
    mesh: "default",
    name: "edge",
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: { listeners: [{ ...both, tls: { ...tls, certificates } }] },
  });
  zone.put(edge);
  connect(edge);
  await expect.poll(() => cache.get("default.edge-1")).toBeDefined();
  const text = Buffer.from(resources("default.edge-1", "Listener")!.get("edge:HTTPS:8443")!.bytes).toString("latin1");
  expect(["absent", "good"].filter((name) => text.includes(`:secret:${name}`))).toEqual(["good"]);
  expect(errors).toEqual(["secret absent of mesh default is not found"]);
  expect(compiler.askersOf("default.edge-1", "cert.rsa:secret:absent")).toEqual(["listener edge:HTTPS:8443"]);
});
