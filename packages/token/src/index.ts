export { dataplaneTokenAllows, zoneTokenAllows, type AuthorisedDataplane, type Permission } from "./authorisation.ts";
export type { ClaimsByKind, DataplaneClaims, RegisteredClaims, TokenKind, UserClaims, ZoneClaims, ZoneScope } from "./claims.ts";
export { formatGoDuration } from "./go-duration.ts";
export { ExpiryWatch } from "./expiry-watch.ts";
export { ledgerTopic, scopeOfIssued, type IssuedToken } from "./issued-token.ts";
export { issueToken, type IssueOptions } from "./issue.ts";
export { renderJwks, type JsonWebKeyEntry } from "./jwks.ts";
export {
  dataplaneScope,
  firstKid,
  kidOfSigningKey,
  missingKeyText,
  revocationsName,
  scopeOfSigningKey,
  signingKeyKey,
  signingKeyName,
  signingKeyType,
  userScope,
  zoneScope,
  type KeyScope,
} from "./key-name.ts";
export { createRemoteIssuer, type IssueProblem, type RemoteIssuerOptions } from "./remote-issuer.ts";
export { parseTokenRequest, renderTokenRequest, type ParsedTokenRequest, type TokenRequest } from "./request.ts";
export type { ResourceSource } from "./resource-source.ts";
export { parseRevocations, resourceRevocations, type Revocations } from "./revocations.ts";
export { createSigningKey, publicKeyPem, readSigningKey, readVerificationKey } from "./signing-key.ts";
export { resourceSigningKeys, type SigningKeys } from "./signing-keys.ts";
export { TokenError, type TokenErrorCode } from "./token-error.ts";
export { readTokenIds } from "./token-ids.ts";
export {
  configuredKeys,
  firstOf,
  resourceKeys,
  signingKeyResources,
  staticKeys,
  verificationKeyChange,
  verificationKeyType,
  type ConfiguredKeys,
  type StaticKey,
  type TokenVerificationKeySpec,
  type VerificationKeyChange,
  type VerificationKeys,
} from "./verification-keys.ts";
export { verifyDataplaneToken, verifyUserToken, verifyZoneToken, type Verified, type VerifyOptions } from "./verify.ts";
