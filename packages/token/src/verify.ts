import type { KeyObject } from "node:crypto";
import { compactVerify, decodeProtectedHeader, errors } from "jose";
import { claimsFromWire, ClaimsError, type ClaimsByKind, type RegisteredClaims, type TokenKind } from "./claims.ts";
import { dataplaneScope, missingKeyText, userScope, zoneScope, type KeyScope } from "./key-name.ts";
import type { Revocations } from "./revocations.ts";
import { TokenError } from "./token-error.ts";
import type { VerificationKeys } from "./verification-keys.ts";

export interface VerifyOptions {
  keys: VerificationKeys;
  revocations: Revocations;
  nowMs: number;
}

export type Verified<K extends TokenKind> = ClaimsByKind[K] & RegisteredClaims;

function keyFor(token: string, scope: KeyScope, keys: VerificationKeys): { alg: string; key: KeyObject | Uint8Array } {
  let header;
  try {
    header = decodeProtectedHeader(token);
  } catch (error) {
    throw new TokenError("malformed", "the token is not a signed JWT", { cause: error });
  }
  const { alg, kid } = header;
  if (alg !== "RS256" && alg !== "HS256") throw new TokenError("unsupported-algorithm", "the token must be signed with RS256 or HS256");
  if (typeof kid !== "string" || !/^[\w.-]{1,253}$/.test(kid)) throw new TokenError("malformed", "the token must have a kid header");
  const key = alg === "RS256" ? keys.publicKey(scope, kid) : keys.legacyKey(scope);
  if (key === undefined || (key instanceof Uint8Array && key.length === 0)) {
    throw new TokenError("unknown-key", missingKeyText(scope, alg === "RS256" ? kid : "0"));
  }
  return { alg, key };
}

async function signedPayload(token: string, scope: KeyScope, keys: VerificationKeys): Promise<unknown> {
  const { alg, key } = keyFor(token, scope, keys);
  let payload: Uint8Array;
  try {
    ({ payload } = await compactVerify(token, key, { algorithms: [alg] }));
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) throw new TokenError("bad-signature", "the token's signature is not valid");
    throw new TokenError(error instanceof errors.JOSEError ? "malformed" : "bad-key", "the token cannot be verified", { cause: error });
  }
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch (error) {
    throw new TokenError("malformed", "the token's payload is not JSON", { cause: error });
  }
}

function checkTimes({ issuedAtS, notBeforeS, expiresAtS }: RegisteredClaims, nowMs: number): void {
  const nowS = nowMs / 1000;
  if (expiresAtS !== undefined && nowS >= expiresAtS) throw new TokenError("expired", "the token is expired");
  if (notBeforeS !== undefined && nowS < notBeforeS) throw new TokenError("not-yet-valid", "the token is not valid yet");
  if (issuedAtS !== undefined && nowS < issuedAtS) throw new TokenError("not-yet-valid", "the token was issued in the future");
}

async function verify<K extends TokenKind>(kind: K, scope: KeyScope, token: string, options: VerifyOptions): Promise<Verified<K>> {
  const payload = await signedPayload(token, scope, options.keys);
  let claims: Verified<K>;
  try {
    claims = claimsFromWire(kind, payload);
  } catch (error) {
    if (error instanceof ClaimsError) throw new TokenError("malformed", `the token's claims are malformed: ${error.message}`);
    throw error;
  }
  checkTimes(claims, options.nowMs);
  if (options.revocations.isRevoked(scope, claims.jti)) throw new TokenError("revoked", "the token is revoked");
  return claims;
}

/**
 * Checks signature, times and revocation, and returns the claims. `mesh` is the mesh of the dataplane that presents the token: it
 * chooses the keys. Says nothing yet of what the token allows. Throws `TokenError`, or `SecretError` if a revocation list cannot be
 * opened.
 */
export const verifyDataplaneToken = (token: string, mesh: string, options: VerifyOptions): Promise<Verified<"dataplane">> =>
  verify("dataplane", dataplaneScope(mesh), token, options);

/** As `verifyDataplaneToken`, for a token of a zone. */
export const verifyZoneToken = (token: string, options: VerifyOptions): Promise<Verified<"zone">> =>
  verify("zone", zoneScope, token, options);

/** As `verifyDataplaneToken`, for a token of a user. */
export const verifyUserToken = (token: string, options: VerifyOptions): Promise<Verified<"user">> =>
  verify("user", userScope, token, options);
