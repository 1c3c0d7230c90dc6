import "./reflect-metadata.ts";
import type { KeyObject } from "node:crypto";
import type { Violation } from "@atoll/resource";
import * as x509 from "@peculiar/x509";
import { buildCertificate } from "./build-certificate.ts";
import { CertificateError } from "./certificate-error.ts";
import { pemBlocks, readCertificates, readPrivateKey } from "./pem.ts";
import { generateRsaKey, privateKeyPem } from "./keys.ts";

/** A certificate and its private key, PEM. */
export interface PemPair {
  certPem: string;
  keyPem: string;
}

const tenYearsMs = 10 * 365 * 24 * 3_600_000;
/** Certificates are valid from a little before they are made, for machines whose clocks are behind. */
export const clockSkewMs = 10_000;

/** Secrets of the mesh in which a builtin CA is kept. A backend may have no name. */
export const builtinCaSecretNames = (mesh: string, backend = ""): { cert: string; key: string } => ({
  cert: `${mesh}.ca-builtin-cert-${backend}`,
  key: `${mesh}.ca-builtin-key-${backend}`,
});

/** Makes the CA of a mesh's builtin backend: RSA, CN = mesh, SPIFFE id of the trust domain. */
export async function createBuiltinCa(options: { mesh: string; nowMs: number; rsaBits?: number; lifetimeMs?: number }): Promise<PemPair> {
  const keyPair = await generateRsaKey(options.rsaBits ?? 2048);
  const certPem = await buildCertificate({
    subject: `CN=${options.mesh}`,
    keyPair,
    isCa: true,
    usages: x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
    names: [{ type: "url", value: `spiffe://${options.mesh}` }],
    notBefore: new Date(options.nowMs - clockSkewMs),
    notAfter: new Date(options.nowMs + (options.lifetimeMs ?? tenYearsMs)),
  });
  return { certPem, keyPem: privateKeyPem(keyPair.privateKey) };
}

function pairProblem({ certPem, keyPem }: PemPair): Violation | undefined {
  const unloadable = (what: string) => `not a valid TLS key pair: tls: failed to find any PEM data in ${what} input`;
  if (pemBlocks(certPem).length === 0) return { field: "cert", reason: unloadable("certificate") };
  if (pemBlocks(keyPem).length === 0) return { field: "cert", reason: unloadable("key") };
  let certificates;
  try {
    certificates = readCertificates(certPem, "cert");
  } catch (error) {
    return { field: "cert", reason: `not a valid certificate: ${(error as Error).message}` };
  }
  try {
    if (certificates[0]?.checkPrivateKey(readPrivateKey(keyPem, "key")) !== true)
      return { field: "key", reason: "does not belong to the certificate" };
  } catch (error) {
    return { field: "key", reason: `not a valid private key: ${(error as Error).message}` };
  }
  return undefined;
}

/**
 * Why a provided CA cannot be a mesh's CA, every reason with its field (`cert`, `key`, `cert[i]`): the pair must load, and each
 * certificate must be a CA that signs certificates and does not agree keys. Empty = it can.
 */
export function validateProvidedCa(pair: PemPair): Violation[] {
  const problem = pairProblem(pair);
  if (problem !== undefined) return [problem];
  return readCertificates(pair.certPem).flatMap((certificate, index): Violation[] => {
    const field = `cert[${index}]`;
    const parsed = new x509.X509Certificate(certificate.raw);
    const usages = parsed.getExtension(x509.KeyUsagesExtension)?.usages ?? 0;
    const violations: Violation[] = [];
    if (parsed.getExtension(x509.BasicConstraintsExtension)?.ca !== true)
      violations.push({ field, reason: "basic constraint 'CA' must be set to 'true' (see X509-SVID: 4.1. Basic Constraints)" });
    if ((usages & x509.KeyUsageFlags.keyCertSign) === 0) {
      violations.push({ field, reason: "key usage extension 'keyCertSign' must be set (see X509-SVID: 4.3. Key Usage)" });
    }
    if ((usages & x509.KeyUsageFlags.keyAgreement) !== 0) {
      violations.push({
        field,
        reason: "key usage extension 'keyAgreement' must NOT be set (see X509-SVID: Appendix A. X.509 Field Reference)",
      });
    }
    return violations;
  });
}

interface Issuer {
  certificate: x509.X509Certificate;
  signingKey: KeyObject;
}

/** A CA ready to sign; the key stays inside. */
export class CertificateAuthority {
  /** Everything that verifiers are to trust: all certificates of the CA, PEM. */
  readonly trustPem: string;
  readonly notAfter: Date;
  readonly #issuer: Issuer;

  private constructor(trustPem: string, notAfter: Date, issuer: Issuer) {
    this.trustPem = trustPem;
    this.notAfter = notAfter;
    this.#issuer = issuer;
  }

  /** Reads a CA; the first certificate signs. Throws `CertificateError` if the pair does not load or does not belong together. */
  static load(pair: PemPair): CertificateAuthority {
    const problem = pairProblem(pair);
    if (problem !== undefined) throw new CertificateError(`CA ${problem.field}: ${problem.reason}`);
    const certificates = readCertificates(pair.certPem);
    const first = certificates[0]!;
    const signingKey = readPrivateKey(pair.keyPem);
    const issuer = { certificate: new x509.X509Certificate(first.raw), signingKey };
    return new CertificateAuthority(certificates.map((certificate) => certificate.toString()).join(""), new Date(first.validTo), issuer);
  }

  /** Signs a certificate of this CA; PEM. */
  sign(request: Omit<Parameters<typeof buildCertificate>[0], "issuer">): Promise<string> {
    return buildCertificate({ ...request, issuer: this.#issuer });
  }
}
