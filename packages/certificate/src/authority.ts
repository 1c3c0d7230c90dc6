import "./reflect-metadata.ts";
import * as x509 from "@peculiar/x509";
import { readCertificates } from "./pem.ts";

/**
 * Whether a PEM text holds a certificate that others may be verified with: one that does not say of itself that it is no CA (RFC 5280,
 * 4.2.1.9). Throws `CertificateError` if it cannot be read.
 */
export const canBeAuthority = (pem: string): boolean =>
  readCertificates(pem).some(({ raw }) => new x509.X509Certificate(raw).getExtension(x509.BasicConstraintsExtension)?.ca !== false);
