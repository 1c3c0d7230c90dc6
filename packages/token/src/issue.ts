import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { claimsToWire, type ClaimsByKind, type TokenKind } from "./claims.ts";

/** A token is valid from a little before its issue, for machines whose clocks are behind. */
const clockSkewS = 5 * 60;

export interface IssueOptions<K extends TokenKind> {
  kind: K;
  claims: ClaimsByKind[K];
  key: { kid: string; privateKey: KeyObject };
  /** Unique id, by which the token can be revoked. */
  jti: string;
  nowMs: number;
  validForMs: number;
}

/** Signs a token (RS256). Claims and header are those of Kuma 2.10: https://kuma.io/docs/2.10.x/production/secure-deployment/dp-auth/ */
export async function issueToken<K extends TokenKind>(options: IssueOptions<K>): Promise<string> {
  const nowS = Math.floor(options.nowMs / 1000);
  return new SignJWT({
    ...claimsToWire[options.kind](options.claims),
    exp: Math.floor((options.nowMs + options.validForMs) / 1000),
    nbf: nowS - clockSkewS,
    iat: nowS,
    jti: options.jti,
  })
    .setProtectedHeader({ alg: "RS256", kid: options.key.kid, typ: "JWT" })
    .sign(options.key.privateKey);
}
