import "./reflect-metadata.ts";
import { randomBytes, type KeyObject, type webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { Validity } from "./lifetime.ts";

export interface CertificateRequest extends Validity {
  /** Distinguished name such as "CN=demo"; "" = empty. */
  subject: string;
  /** Absent = signed by its own key. */
  issuer?: { certificate: x509.X509Certificate; signingKey: webcrypto.CryptoKey };
  keyPair: { publicKey: KeyObject; privateKey: KeyObject };
  isCa: boolean;
  usages: number;
  extendedUsages?: string[];
  names: x509.JsonGeneralName[];
}

/** The form in which Web Crypto signs with a private key. RSA or EC; always with SHA-256. */
export function signingKeyOf(key: KeyObject): webcrypto.CryptoKey {
  if (key.asymmetricKeyType === "rsa") return key.toCryptoKey({ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, true, ["sign"]);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const namedCurve = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" }[curve ?? ""];
  if (namedCurve === undefined)
    throw new TypeError(`a key of type ${key.asymmetricKeyType} (${curve ?? "no curve"}) cannot sign certificates`);
  return key.toCryptoKey({ name: "ECDSA", namedCurve }, true, ["sign"]);
}

/** Positive, 127 random bits, in hexadecimal. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}

const authorityKeys = new WeakMap<x509.X509Certificate, Promise<x509.Extension>>();

/** The same in every certificate of an issuer, so it is made once. */
function authorityKeyOf(certificate: x509.X509Certificate): Promise<x509.Extension> {
  let made = authorityKeys.get(certificate);
  if (made === undefined) authorityKeys.set(certificate, (made = x509.AuthorityKeyIdentifierExtension.create(certificate.publicKey)));
  return made;
}

/** Signs a certificate; PEM. */
export async function buildCertificate(request: CertificateRequest): Promise<string> {
  const publicKey = new x509.PublicKey(request.keyPair.publicKey.export({ type: "spki", format: "der" }));
  const issuer = request.issuer;
  const signingKey = issuer?.signingKey ?? signingKeyOf(request.keyPair.privateKey);
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(request.isCa, undefined, true),
    new x509.KeyUsagesExtension(request.usages, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await (issuer === undefined ? x509.AuthorityKeyIdentifierExtension.create(publicKey) : authorityKeyOf(issuer.certificate)),
  ];
  if (request.extendedUsages !== undefined) extensions.push(new x509.ExtendedKeyUsageExtension(request.extendedUsages));
  // Critical when it is the only name there is (RFC 5280, 4.2.1.6).
  if (request.names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(request.names, request.subject === ""));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subject,
    issuer: issuer?.certificate.subjectName ?? request.subject,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    publicKey,
    signingKey,
    signingAlgorithm:
      signingKey.algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    extensions,
  });
  return `${certificate.toString("pem")}\n`;
}
