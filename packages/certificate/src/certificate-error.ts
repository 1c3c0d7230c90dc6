/** A certificate or key that cannot be used. Messages never contain key material. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}
