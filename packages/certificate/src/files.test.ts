import { generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildCertificate } from "./build-certificate.ts";
import {
  createServerCertificate,
  loadOrCreateServerCertificate,
  localServerNames,
  parseGatewayBundle,
  readServerCertificate,
  type PemPair,
} from "./index.ts";

const nowMs = Date.now();
let folder = "";
let rsa: PemPair;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "atoll-certificate-"));
  rsa = await createServerCertificate({ names: ["a.test"], nowMs });
});
afterAll(() => rm(folder, { recursive: true }));

const selfSigned = (keyPair: { publicKey: KeyObject; privateKey: KeyObject }): Promise<string> =>
  buildCertificate({
    subject: "CN=a",
    keyPair,
    isCa: false,
    usages: 1,
    names: [],
    notBefore: new Date(nowMs),
    notAfter: new Date(nowMs + 60_000),
  });

describe("gateway bundle", () => {
  test("key and chain in any order, text between blocks ignored", () => {
    const bundle = parseGatewayBundle(Buffer.from(`a comment\n${rsa.keyPem}subject: x\n${rsa.certPem}${rsa.certPem}`));
    expect(bundle).toEqual({ keyType: "rsa", certificateChain: rsa.certPem + rsa.certPem, privateKey: rsa.keyPem });
    expect(parseGatewayBundle((rsa.certPem + rsa.keyPem).replaceAll("\n", "\r\n")).certificateChain).toBe(rsa.certPem);
  });

  test("ECDSA keys in SEC 1 and PKCS 8, with parameters in front", async () => {
    const keyPair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const cert = await selfSigned(keyPair);
    const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for (const type of ["sec1", "pkcs8"] as const) {
      const key = keyPair.privateKey.export({ type, format: "pem" }) as string;
      expect(parseGatewayBundle(parameters + key + cert)).toEqual({ keyType: "ecdsa", certificateChain: cert, privateKey: key });
    }
  });

  test("what is wrong is said, without the key", async () => {
    const other = await createServerCertificate({ names: ["b.test"], nowMs });
    const ed25519 = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const encrypted = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    });
    const cases: [string, string][] = [
      ["", "the bundle holds no PEM block"],
      [rsa.certPem, "the bundle holds no private key"],
      [rsa.keyPem, "the bundle holds no certificate"],
      [rsa.certPem + rsa.keyPem + other.keyPem, "the bundle holds 2 private keys instead of one"],
      [other.certPem + rsa.keyPem, "the bundle's private key does not belong to its first certificate"],
      [rsa.certPem + ed25519, "the bundle's private key is of type ed25519, not RSA or ECDSA"],
      [rsa.certPem + String(encrypted), "the bundle: the private key is encrypted"],
      [rsa.certPem + rsa.keyPem.replace(/\n[^-]{9}/, "\nAAAAAAAAA"), "the bundle: the private key cannot be parsed"],
      [rsa.certPem.replace(/\n[^-]{9}/, "\nAAAAAAAAA") + rsa.keyPem, "the bundle: certificate 1 cannot be parsed"],
    ];
    for (const [text, message] of cases) expect(() => parseGatewayBundle(text)).toThrow(new RegExp(`^${message}$`));
  });
});

describe("server certificate", () => {
  test("is made once, by whoever comes first, kept, and readable by its owner only", async () => {
    const file = join(folder, "deep", "server.pem");
    const options = { file, names: ["localhost"], nowMs };
    const pairs = await Promise.all([1, 2, 3].map(() => loadOrCreateServerCertificate(options)));
    expect(new Set(pairs.map(({ certPem }) => new X509Certificate(certPem).fingerprint256)).size).toBe(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const again = await loadOrCreateServerCertificate({ ...options, names: ["other"] });
    expect(again.certPem).toBe(new X509Certificate(pairs[0]!.certPem).toString());
    expect(new X509Certificate(again.certPem).checkPrivateKey((await import("node:crypto")).createPrivateKey(again.keyPem))).toBe(true);
  });

  test("is replaced when expired, and not when it is not ours to read", async () => {
    const file = join(folder, "old.pem");
    const old = await createServerCertificate({ names: ["localhost"], nowMs: nowMs - 11 * 365 * 86_400_000 });
    await writeFile(file, old.certPem + old.keyPem);
    const fresh = await loadOrCreateServerCertificate({ file, names: ["localhost"], nowMs });
    expect(fresh.certPem).not.toBe(old.certPem);
    expect(await readFile(file, "utf8")).toBe(fresh.certPem + fresh.keyPem);
    await writeFile(file, "something else");
    await expect(loadOrCreateServerCertificate({ file, names: [], nowMs })).rejects.toThrow(/old\.pem: no PEM block of type CERTIFICATE/);
  });

  test("given by two files: the file that is wrong is named", async () => {
    const [cert, key, otherKey] = ["c.crt", "c.key", "o.key"].map((name) => join(folder, name)) as [string, string, string];
    await writeFile(cert, rsa.certPem);
    await writeFile(key, rsa.keyPem);
    await writeFile(otherKey, (await createServerCertificate({ names: ["b"], nowMs })).keyPem);
    expect(await readServerCertificate(cert, key)).toEqual(rsa);
    await expect(readServerCertificate(cert, otherKey)).rejects.toThrow(/o\.key is not the key of .*c\.crt/);
    await expect(readServerCertificate(join(folder, "none"), key)).rejects.toThrow(/none cannot be read: ENOENT/);
    await expect(readServerCertificate(key, key)).rejects.toThrow(/c\.key: no PEM block of type CERTIFICATE/);
  });

  test("local names include loopback", () => {
    expect(localServerNames()).toEqual(expect.arrayContaining(["localhost", "127.0.0.1", "::1"]));
  });
});
