import "./reflect-metadata.ts";
import { hash, randomBytes, sign as signWith, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import * as x509 from "@peculiar/x509";
import { bitString, explicit, integer, octetString, oid, partOf, sequence, time } from "./der.ts";
import type { Validity } from "./lifetime.ts";

export interface CertificateRequest extends Validity {
  /** Distinguished name such as "CN=demo"; "" = empty. */
  subject: string;
  /** Absent = signed by its own key. */
  issuer?: { certificate: x509.X509Certificate; signingKey: KeyObject };
  keyPair: { publicKey: KeyObject; privateKey: KeyObject };
  isCa: boolean;
  usages: number;
  extendedUsages?: string[];
  names: x509.JsonGeneralName[];
}

const sign = promisify(signWith);
const version3 = explicit(0, integer(Buffer.of(2)));
/** RFC 4055 and RFC 5758. */
const algorithms = {
  rsa: sequence(oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b), Buffer.of(0x05, 0x00)),
  ec: sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)),
};
const subjectKeyIdentifier = oid(0x55, 0x1d, 0x0e);
const authorityKeyIdentifier = oid(0x55, 0x1d, 0x23);

/** Always with SHA-256. @throws TypeError of a key that cannot sign certificates. */
function algorithmOf(key: KeyObject): Buffer {
  const type = key.asymmetricKeyType;
  if (type === "rsa" || type === "ec") return algorithms[type];
  throw new TypeError(`a key of type ${type} cannot sign certificates`);
}

/** Positive, 127 random bits. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return integer(bytes);
}

/** Extensions that say the same in many certificates are encoded once. */
const known = new Map<string, Uint8Array>();
const mostKnown = 10_000;

function once(key: string, make: () => x509.Extension): Uint8Array {
  let made = known.get(key);
  if (made === undefined) {
    if (known.size >= mostKnown) known.clear();
    known.set(key, (made = new Uint8Array(make().rawData)));
  }
  return made;
}

/** Of a SubjectPublicKeyInfo: RFC 5280, 4.2.1.2 (1). The bits come after a byte that says how many of the last are unused. */
const keyIdentifier = (spki: Uint8Array): Buffer => hash("sha1", partOf(spki, 1).subarray(1), "buffer");

const issuers = new WeakMap<x509.X509Certificate, { name: Uint8Array; authorityKey: Uint8Array }>();

const authorityKeyOf = (identifier: Uint8Array): Buffer =>
  sequence(authorityKeyIdentifier, octetString(sequence(Buffer.of(0x80, identifier.byteLength), identifier)));

/** The same in every certificate of an issuer, so it is made once. */
function issuerParts(certificate: x509.X509Certificate): { name: Uint8Array; authorityKey: Uint8Array } {
  let parts = issuers.get(certificate);
  if (parts === undefined) {
    const name = new Uint8Array(certificate.subjectName.toArrayBuffer());
    parts = { name, authorityKey: authorityKeyOf(keyIdentifier(new Uint8Array(certificate.publicKey.rawData))) };
    issuers.set(certificate, parts);
  }
  return parts;
}

/**
 * Signs a certificate; PEM. A thousand proxies that connect at once ask for as many, so it is put together from encoded parts: the library's
 * own generator builds and reads each several times over, which took 10 ms for each.
 */
export async function buildCertificate(request: CertificateRequest): Promise<string> {
  const { subject, issuer, keyPair, isCa, usages, extendedUsages, names } = request;
  const publicKey = keyPair.publicKey.export({ type: "spki", format: "der" });
  const identifier = keyIdentifier(publicKey);
  const subjectName = subject === "" ? sequence() : new Uint8Array(new x509.Name(subject).toArrayBuffer());
  const from = issuer ? issuerParts(issuer.certificate) : { name: subjectName, authorityKey: authorityKeyOf(identifier) };
  const signingKey = issuer?.signingKey ?? keyPair.privateKey;
  const algorithm = algorithmOf(signingKey);
  const extensions = [
    once(`ca/${isCa}`, () => new x509.BasicConstraintsExtension(isCa, undefined, true)),
    once(`usages/${usages}`, () => new x509.KeyUsagesExtension(usages, true)),
    sequence(subjectKeyIdentifier, octetString(octetString(identifier))),
    from.authorityKey,
  ];
  if (extendedUsages !== undefined)
    extensions.push(once(`extended/${extendedUsages.join()}`, () => new x509.ExtendedKeyUsageExtension(extendedUsages)));
  // Critical when it is the only name there is (RFC 5280, 4.2.1.6).
  const isCritical = subject === "";
  if (names.length > 0)
    extensions.push(
      once(`names/${JSON.stringify([names, isCritical])}`, () => new x509.SubjectAlternativeNameExtension(names, isCritical)),
    );
  const body = sequence(
    version3,
    serialNumber(),
    algorithm,
    from.name,
    sequence(time(request.notBefore), time(request.notAfter)),
    subjectName,
    publicKey,
    explicit(3, sequence(...extensions)),
  );
  // On a thread of libuv's pool: the event loop goes on.
  const signature = await sign("sha256", body, signingKey);
  const lines = sequence(body, algorithm, bitString(signature))
    .toString("base64")
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
