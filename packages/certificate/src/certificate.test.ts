import "./reflect-metadata.ts";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type TLSSocket } from "node:tls";
import { performance } from "node:perf_hooks";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as LibraryCertificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { beforeAll, describe, expect, test } from "vitest";
import { buildCertificate } from "./build-certificate.ts";
import {
  builtinCaSecretNames,
  canBeAuthority,
  caSourceOf,
  CertificateAuthority,
  createBuiltinCa,
  createServerCertificate,
  generateRsaKey,
  identityOf,
  identityUris,
  isDueForRenewal,
  issueLeaf,
  parseLifetimeMs,
  readDataSource,
  renewAtMs,
  validateProvidedCa,
  zoneEgressIdentity,
  type KeyPair,
  type PemPair,
} from "./index.ts";

const nowMs = Date.now();
const identity = identityOf("demo", [
  { "kuma.io/service": "web", version: "2" },
  { "kuma.io/service": "api", version: "1" },
]);
let pair: PemPair;
let ca: CertificateAuthority;
let keyPair: KeyPair;

beforeAll(async () => {
  [pair, keyPair] = await Promise.all([createBuiltinCa({ mesh: "demo", nowMs }), generateRsaKey()]);
  ca = CertificateAuthority.load(pair);
});

const handshake = async (server: PemPair, client: PemPair, trust: string): Promise<string> => {
  const listener = createServer({ cert: server.certPem, key: server.keyPem, ca: trust, requestCert: true, rejectUnauthorized: true });
  listener.on("tlsClientError", () => {});
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const seen = once(listener, "secureConnection") as Promise<[TLSSocket]>;
  const { port } = listener.address() as { port: number };
  const socket = connect({
    port,
    host: "127.0.0.1",
    cert: client.certPem,
    key: client.keyPem,
    ca: trust,
    checkServerIdentity: () => undefined,
  });
  const failed = new Promise<string>((resolve) => socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error")));
  try {
    return await Promise.race([
      failed,
      seen.then(([accepted]) => `mutual ${accepted.getPeerX509Certificate()?.subjectAltName?.split(",")[0]}`),
    ]);
  } finally {
    socket.destroy();
    listener.close();
  }
};

test("a builtin CA: names, usages, life, and it passes the checks of a provided one", () => {
  const certificate = new X509Certificate(pair.certPem);
  expect([certificate.subject, certificate.issuer, certificate.subjectAltName, certificate.ca]).toEqual([
    "CN=demo",
    "CN=demo",
    "URI:spiffe://demo",
    true,
  ]);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  expect(Math.round((Date.parse(certificate.validTo) - nowMs) / 86_400_000)).toBe(3650);
  expect(pair.keyPem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
  expect(validateProvidedCa(pair)).toEqual([]);
  expect(builtinCaSecretNames("demo", "ca-1")).toEqual({ cert: "demo.ca-builtin-cert-ca-1", key: "demo.ca-builtin-key-ca-1" });
});

test("a builtin CA of another size and life", async () => {
  const other = await createBuiltinCa({ mesh: "m", nowMs, rsaBits: 3072, lifetimeMs: parseLifetimeMs("2d")! });
  const certificate = new X509Certificate(other.certPem);
  expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
  expect(Date.parse(certificate.validTo)).toBe(Math.floor((nowMs + 2 * 86_400_000) / 1000) * 1000);
});

describe("provided CA", () => {
  test("a leaf is refused for every reason; the certificate is named by its index", async () => {
    const leaf = await issueLeaf(ca, { identity, nowMs, keyPair });
    const violations = validateProvidedCa({ certPem: leaf.certPem + pair.certPem, keyPem: leaf.keyPem });
    expect(violations.map(({ field }) => field)).toEqual(["cert[0]", "cert[0]", "cert[0]"]);
    expect(violations.map(({ reason }) => /'(CA|keyCertSign|keyAgreement)'/.exec(reason)?.[1])).toEqual([
      "CA",
      "keyCertSign",
      "keyAgreement",
    ]);
  });

  test("an ECDSA one signs leaves; one that may not sign certificates is told so", async () => {
    const curve = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const keyPem = curve.privateKey.export({ type: "sec1", format: "pem" }) as string;
    const life = { notBefore: new Date(nowMs - 1_000), notAfter: new Date(nowMs + 3_600_000) };
    const withUsages = (usages: number) => buildCertificate({ subject: "CN=ec", keyPair: curve, isCa: true, usages, names: [], ...life });
    const good = { certPem: await withUsages(KeyUsageFlags.keyCertSign), keyPem };
    expect(validateProvidedCa(good)).toEqual([]);
    const leaf = await issueLeaf(CertificateAuthority.load(good), { identity, nowMs, keyPair });
    expect(await handshake(leaf, leaf, good.certPem)).toBe("mutual URI:spiffe://demo/api");
    const weak = { certPem: await withUsages(KeyUsageFlags.digitalSignature), keyPem };
    expect(validateProvidedCa(weak).map(({ reason }) => reason)).toEqual([expect.stringContaining("'keyCertSign' must be set")]);
  });

  test("what does not load", async () => {
    const leaf = await issueLeaf(ca, { identity, nowMs, keyPair });
    const fields = (candidate: PemPair) => validateProvidedCa(candidate).map(({ field, reason }) => `${field}: ${reason}`);
    expect(fields({ ...pair, certPem: "x" })).toEqual([
      "cert: not a valid TLS key pair: tls: failed to find any PEM data in certificate input",
    ]);
    expect(fields({ ...pair, keyPem: "x" })).toEqual(["cert: not a valid TLS key pair: tls: failed to find any PEM data in key input"]);
    expect(fields({ ...pair, keyPem: leaf.keyPem })).toEqual(["key: does not belong to the certificate"]);
    const broken = pair.certPem.replace(/\n[^-]{10}/, "\nAAAAAAAAAA");
    expect(fields({ ...pair, certPem: broken })).toEqual(["cert: not a valid certificate: cert: certificate 1 cannot be parsed"]);
    expect(() => CertificateAuthority.load({ ...pair, keyPem: leaf.keyPem })).toThrow("CA key: does not belong to the certificate");
  });
});

describe("leaf", () => {
  test("identity as URIs: services first, then every tag value, sorted and once", () => {
    expect(identityUris(identity)).toEqual([
      "spiffe://demo/api",
      "spiffe://demo/web",
      "kuma://kuma.io/service/api",
      "kuma://kuma.io/service/web",
      "kuma://version/1",
      "kuma://version/2",
    ]);
    expect(identityUris(zoneEgressIdentity("m"))).toEqual(["spiffe://m/zone-egress", "kuma://kuma.io/service/zone-egress"]);
  });

  test("empty subject, critical names, usages, one day, begun ten seconds ago", async () => {
    const leaf = await issueLeaf(ca, { identity, nowMs, keyPair });
    const certificate = new X509Certificate(leaf.certPem);
    expect(certificate.subject ?? "").toBe("");
    expect(certificate.issuer).toBe("CN=demo");
    expect(certificate.verify(new X509Certificate(pair.certPem).publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(certificate.subjectAltName).toBe(leaf.uris.map((uri) => `URI:${uri}`).join(", "));
    expect(Date.parse(certificate.validFrom)).toBe(Math.floor((nowMs - 10_000) / 1000) * 1000);
    expect(Date.parse(certificate.validTo)).toBe(Math.floor(nowMs / 1000) * 1000 + 86_400_000);
    expect([leaf.notBefore.getTime(), leaf.notAfter.getTime()]).toEqual([
      Date.parse(certificate.validFrom),
      Date.parse(certificate.validTo),
    ]);
    expect(certificate.checkPrivateKey(keyPair.privateKey)).toBe(true);
    const again = await issueLeaf(ca, { identity, nowMs, keyPair });
    expect(new X509Certificate(again.certPem).serialNumber).not.toBe(certificate.serialNumber);
  });

  test("does not outlive its CA", async () => {
    const short = CertificateAuthority.load(await createBuiltinCa({ mesh: "demo", nowMs, lifetimeMs: 3_600_000 }));
    expect((await issueLeaf(short, { identity, nowMs, keyPair })).notAfter).toEqual(short.notAfter);
  });

  test("mutual TLS: leaves of one CA accept each other, and those of another CA are refused", async () => {
    const leaf = await issueLeaf(ca, { identity, nowMs, keyPair });
    expect(await handshake(leaf, leaf, ca.trustPem)).toBe("mutual URI:spiffe://demo/api");
    const stranger = CertificateAuthority.load(await createBuiltinCa({ mesh: "demo", nowMs }));
    const forged = await issueLeaf(stranger, { identity, nowMs, keyPair });
    expect(await handshake(forged, leaf, ca.trustPem)).toMatch(/SELF_SIGNED|UNABLE_TO|SIGNATURE/);
  });
});

test("the event loop goes on while keys are made", async () => {
  let turns = 0;
  let made = false;
  const turn = (): void => {
    turns += 1;
    if (!made) setImmediate(turn);
  };
  setImmediate(turn);
  await generateRsaKey(3072);
  made = true;
  expect(turns).toBeGreaterThan(10);
});

test("a leaf takes milliseconds, its key included", async () => {
  const times: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const start = performance.now();
    await issueLeaf(ca, { identity, nowMs });
    times.push(performance.now() - start);
  }
  expect(times.toSorted((a, b) => a - b)[10]).toBeLessThan(40);
});

test("leaves have keys of their own, ECDSA P-256, and pass for the RSA ones of peers", async () => {
  const [one, other] = await Promise.all([issueLeaf(ca, { identity, nowMs }), issueLeaf(ca, { identity, nowMs })]);
  expect(new X509Certificate(one.certPem).publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  expect(one.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  expect(one.keyPem).not.toBe(other.keyPem);
  const rsa = await issueLeaf(ca, { identity, nowMs, keyPair });
  expect(await handshake(rsa, one, ca.trustPem)).toMatch(/^mutual/);
  expect(await handshake(one, rsa, ca.trustPem)).toMatch(/^mutual/);
});

test("what others can be verified with", async () => {
  const leaf = await issueLeaf(ca, { identity, nowMs });
  expect([leaf.certPem, pair.certPem, leaf.certPem + pair.certPem].map((pem) => canBeAuthority(pem))).toEqual([false, true, true]);
  expect(() => canBeAuthority("x")).toThrow(/no PEM block/);
});

test("lifetimes and when four fifths are used", () => {
  const texts = ["1ms", "2s", "3m", "4h", "5d", "1w", "10y"];
  expect(texts.map((text) => parseLifetimeMs(text))).toEqual([1, 2_000, 180_000, 14_400_000, 432_000_000, 604_800_000, 315_360_000_000]);
  for (const text of ["", "0", "0d", "1", "d", "1.5h", "-1d", undefined]) expect(parseLifetimeMs(text)).toBeUndefined();
  const validity = { notBefore: new Date(1_000), notAfter: new Date(11_000) };
  expect(renewAtMs(validity)).toBe(9_000);
  expect([8_999, 9_000].map((ms) => isDueForRenewal(validity, ms))).toEqual([false, true]);
});

test("where a backend's CA is", () => {
  const builtin = caSourceOf("demo", { name: "ca-1", type: "builtin" });
  expect(builtin).toEqual({ cert: { secret: "demo.ca-builtin-cert-ca-1" }, key: { secret: "demo.ca-builtin-key-ca-1" } });
  const conf = { cert: { secret: "c" }, key: { inlineString: "k" } };
  expect(caSourceOf("demo", { name: "p", type: "provided", conf })).toEqual(conf);
  expect(caSourceOf("demo", { name: "p", type: "provided", conf: { cert: { secret: "c" } } })).toBeUndefined();
  expect(caSourceOf("demo", { name: "p", type: "vault" })).toBeUndefined();
  const secrets = new Map([["c", Buffer.from("bytes")]]);
  const read = (source: Parameters<typeof readDataSource>[0]) => readDataSource(source, (name) => secrets.get(name))?.toString();
  expect([
    read({ secret: "c" }),
    read({ secret: "x" }),
    read({ inline: "YQ==" }),
    read({ inlineString: "b" }),
    read({ file: "/x" }),
  ]).toEqual(["bytes", undefined, "a", "b", undefined]);
});

test("a server certificate is its own CA and covers its names", async () => {
  const server = await createServerCertificate({ names: ["host-1", "localhost", "127.0.0.1", "fe80::1%eth0"], nowMs });
  const certificate = new X509Certificate(server.certPem);
  expect(certificate.ca).toBe(true);
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect([certificate.checkHost("host-1"), certificate.checkHost("other"), certificate.checkIP("127.0.0.1")]).toEqual([
    "host-1",
    undefined,
    "127.0.0.1",
  ]);
  expect(certificate.checkIP("fe80::1")).toBe("fe80::1");
  const listener = createServer({ cert: server.certPem, key: server.keyPem }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const socket = connect({
    port: (listener.address() as { port: number }).port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: server.certPem,
  });
  await once(socket, "secureConnect");
  expect(socket.authorized).toBe(true);
  socket.destroy();
  listener.close();
});

test.each([
  ["of a proxy", { subject: "", isCa: false, extendedUsages: [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth] }, 2_030],
  ["of a CA that ends after 2049", { subject: "CN=demo", isCa: true }, 2_055],
])("a certificate is to the byte what the library makes, %s", async (_, more, year) => {
  const issuer = { certificate: new LibraryCertificate(pair.certPem), signingKey: createPrivateKey(pair.keyPem) };
  const request = {
    ...{ keyPair, usages: KeyUsageFlags.digitalSignature, names: [{ type: "url" as const, value: "spiffe://demo/api" }], ...more },
    ...{ notBefore: new Date(nowMs), notAfter: new Date(Date.UTC(year, 1, 3, 4, 5, 6)) },
  };
  const made = new LibraryCertificate(await buildCertificate({ ...request, issuer }));
  const publicKey = new PublicKey(keyPair.publicKey.export({ type: "spki", format: "der" }));
  const extended = "extendedUsages" in more ? [new ExtendedKeyUsageExtension(more.extendedUsages)] : [];
  const expected = await X509CertificateGenerator.create({
    ...{ serialNumber: made.serialNumber, subject: request.subject, issuer: issuer.certificate.subjectName },
    ...{ notBefore: request.notBefore, notAfter: request.notAfter, publicKey },
    signingKey: issuer.signingKey.toCryptoKey({ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, true, ["sign"]),
    signingAlgorithm: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    extensions: [
      new BasicConstraintsExtension(request.isCa, undefined, true),
      new KeyUsagesExtension(request.usages, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
      ...extended,
      new SubjectAlternativeNameExtension(request.names, request.subject === ""),
    ],
  });
  expect(Buffer.from(made.rawData).toString("hex")).toBe(Buffer.from(expected.rawData).toString("hex"));
});
