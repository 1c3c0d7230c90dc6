/**
 * `no-key`: this process holds no key of that name. `wrong-key`: it holds one, but not the one the record was sealed with.
 * `tampered`: the record does not authenticate. `bad-key`: key material is missing or malformed. `bad-record`: not a sealed secret.
 */
export type SecretErrorCode = "no-key" | "wrong-key" | "tampered" | "bad-key" | "bad-record";

/** Messages name resources, files and key ids, never key material or plaintext. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  readonly code: SecretErrorCode;
  constructor(code: SecretErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
