import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { CertificateError } from "./certificate-error.ts";

export interface PemBlock {
  label: string;
  /** The whole block with its markers and a line end. */
  text: string;
}

/** The blocks of a PEM text in their order; what stands between them is ignored (RFC 7468). */
export function pemBlocks(text: string): PemBlock[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g);
  return Array.from(blocks, ([block, label = ""]) => ({ label, text: `${block.replaceAll("\r\n", "\n")}\n` }));
}

/** Every certificate of a PEM text. Throws `CertificateError` if there is none or one cannot be read. */
export function readCertificates(pem: string, source = "certificate"): X509Certificate[] {
  const blocks = pemBlocks(pem).filter(({ label }) => label === "CERTIFICATE");
  if (blocks.length === 0) throw new CertificateError(`${source}: no PEM block of type CERTIFICATE`);
  return blocks.map(({ text }, index) => {
    try {
      return new X509Certificate(text);
    } catch (error) {
      throw new CertificateError(`${source}: certificate ${index + 1} cannot be parsed`, { cause: error });
    }
  });
}

/** A private key in PEM (PKCS 1, PKCS 8 or SEC 1), not encrypted. Throws `CertificateError`. */
export function readPrivateKey(pem: string, source = "private key"): KeyObject {
  const block = pemBlocks(pem).find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) throw new CertificateError(`${source}: no PEM block of a private key`);
  if (block.label.startsWith("ENCRYPTED") || block.text.includes("Proc-Type: 4,ENCRYPTED")) {
    throw new CertificateError(`${source}: the private key is encrypted`);
  }
  try {
    return createPrivateKey(block.text);
  } catch (error) {
    throw new CertificateError(`${source}: the private key cannot be parsed`, { cause: error });
  }
}
