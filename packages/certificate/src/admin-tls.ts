import "./reflect-metadata.ts";
import { createECDH, createPrivateKey, createPublicKey } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { buildCertificate } from "./build-certificate.ts";
import { CertificateAuthority, clockSkewMs, type PemPair } from "./mesh-ca.ts";
import { generateEcKey, privateKeyPem, type KeyPair } from "./keys.ts";

/** What is in the certificate of every Envoy's admin listener. */
const envoyName = "envoy-admin";

/** Mutual TLS between the control plane of a zone and the admin listeners of its Envoys. */
export interface AdminTls {
  /** Trusted by both sides. */
  caPem: string;
  /** By which an Envoy is verified. */
  envoyName: string;
  /** What Envoys show. It is good for a server alone, so that no proxy can ask another. */
  envoy: PemPair;
  /** What the control plane shows. */
  controlPlane: PemPair;
}

const lifetimeMs = 10 * 365 * 24 * 3_600_000;
const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * Makes it from a seed of 32 bytes. Whoever has the seed has the same CA, without a record of it anywhere: every replica's certificates
 * are good for the Envoys of every other.
 */
export async function createAdminTls(options: {
  seed: Uint8Array;
  zone: string;
  /** By which Envoys know the control plane. */
  clientName: string;
  nowMs: number;
}): Promise<AdminTls> {
  const { seed, zone, clientName, nowMs } = options;
  const life = { notBefore: new Date(nowMs - clockSkewMs), notAfter: new Date(nowMs + lifetimeMs) };
  const caKey = keyOfSeed(seed);
  const caPem = await buildCertificate({
    ...life,
    subject: `CN=Envoy admin of ${zone}`,
    keyPair: caKey,
    isCa: true,
    usages: x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
    names: [],
  });
  const ca = CertificateAuthority.load({ certPem: caPem, keyPem: privateKeyPem(caKey.privateKey) });
  const issue = async (name: string, usage: x509.ExtendedKeyUsage): Promise<PemPair> => {
    const keyPair = await generateEcKey();
    const certPem = await ca.sign({
      ...life,
      subject: `CN=${name}`,
      keyPair,
      isCa: false,
      usages: x509.KeyUsageFlags.digitalSignature,
      extendedUsages: [usage],
      names: [{ type: "dns", value: name }],
    });
    return { certPem, keyPem: privateKeyPem(keyPair.privateKey) };
  };
  const [envoy, controlPlane] = await Promise.all([
    issue(envoyName, x509.ExtendedKeyUsage.serverAuth),
    issue(clientName, x509.ExtendedKeyUsage.clientAuth),
  ]);
  return { caPem: ca.trustPem, envoyName, envoy, controlPlane };
}

/** The P-256 key whose secret number is the seed's, brought into the range of such numbers. */
function keyOfSeed(seed: Uint8Array): KeyPair {
  const secret = (BigInt(`0x${Buffer.from(seed).toString("hex")}`) % (p256Order - 1n)) + 1n;
  const curve = createECDH("prime256v1");
  const d = Buffer.from(secret.toString(16).padStart(64, "0"), "hex");
  curve.setPrivateKey(d);
  const point = curve.getPublicKey();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)];
  const text = (bytes: Buffer): string => bytes.toString("base64url");
  const privateKey = createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256", d: text(d), x: text(x), y: text(y) } });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
