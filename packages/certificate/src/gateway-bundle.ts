import { CertificateError } from "./certificate-error.ts";
import { pemBlocks, readCertificates, readPrivateKey } from "./pem.ts";

/** What a gateway listener presents: a chain that begins with the server's certificate, and the key of that certificate. */
export interface GatewayBundle {
  keyType: "rsa" | "ecdsa";
  /** PEM. */
  certificateChain: string;
  /** PEM. */
  privateKey: string;
}

const keyTypes: Readonly<Record<string, GatewayBundle["keyType"]>> = { rsa: "rsa", ec: "ecdsa" };

/**
 * Reads the PEM bundle of a gateway's TLS certificate: exactly one private key (RSA or ECDSA, not encrypted) and at least one
 * certificate, in any order, the first of them the one the key belongs to. Throws `CertificateError` that says what is wrong.
 */
export function parseGatewayBundle(bytes: Uint8Array | string): GatewayBundle {
  const text = typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8");
  const blocks = pemBlocks(text);
  if (blocks.length === 0) throw new CertificateError("the bundle holds no PEM block");
  const keys = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  const [key] = keys;
  if (key === undefined) throw new CertificateError("the bundle holds no private key");
  if (keys.length > 1) throw new CertificateError(`the bundle holds ${keys.length} private keys instead of one`);
  const privateKey = readPrivateKey(key.text, "the bundle");
  const keyType = keyTypes[privateKey.asymmetricKeyType ?? ""];
  if (keyType === undefined)
    throw new CertificateError(`the bundle's private key is of type ${privateKey.asymmetricKeyType}, not RSA or ECDSA`);
  const certificates = blocks.filter(({ label }) => label === "CERTIFICATE");
  if (certificates.length === 0) throw new CertificateError("the bundle holds no certificate");
  const certificateChain = certificates.map((block) => block.text).join("");
  const [server] = readCertificates(certificateChain, "the bundle");
  if (server?.checkPrivateKey(privateKey) !== true)
    throw new CertificateError("the bundle's private key does not belong to its first certificate");
  return { keyType, certificateChain, privateKey: key.text };
}
