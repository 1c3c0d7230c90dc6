/** Why a token was not issued or is not accepted. */
export type TokenErrorCode =
  | "malformed"
  | "unsupported-algorithm"
  | "unknown-key"
  | "bad-key"
  | "bad-signature"
  | "expired"
  | "not-yet-valid"
  | "revoked"
  | "not-allowed";

/** Messages never contain the token. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code: TokenErrorCode;
  constructor(code: TokenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
