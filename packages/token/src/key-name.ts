import type { ResourceKey } from "@atoll/resource";
import type { TokenKind } from "./claims.ts";

/** Names one set of signing keys. `mesh` is "" for zone and user tokens. */
export interface KeyScope {
  kind: TokenKind;
  mesh: string;
}

export const dataplaneScope = (mesh: string): KeyScope => ({ kind: "dataplane", mesh });
export const zoneScope: KeyScope = { kind: "zone", mesh: "" };
export const userScope: KeyScope = { kind: "user", mesh: "" };

/** Kind of the resource that holds a scope's private keys. */
export const signingKeyType = (scope: KeyScope): "Secret" | "GlobalSecret" => (scope.kind === "dataplane" ? "Secret" : "GlobalSecret");

const prefixOf = (scope: KeyScope): string =>
  scope.kind === "dataplane" ? `dataplane-token-signing-key-${scope.mesh}` : `${scope.kind}-token-signing-key`;

/** Kid of the key a new mesh or a new installation begins with. */
export const firstKid = "1";

/** Name of the signing key of that kid: `<prefix>-<kid>`, and the bare prefix for kid "0". */
export const signingKeyName = (scope: KeyScope, kid: string): string => (kid === "0" ? prefixOf(scope) : `${prefixOf(scope)}-${kid}`);

export const signingKeyKey = (scope: KeyScope, kid: string): ResourceKey => ({
  type: signingKeyType(scope),
  mesh: scope.mesh,
  name: signingKeyName(scope, kid),
});

/** The kid of a key with that name, or undefined if the name is not one of the scope's signing keys. Leading zeros do not count. */
export function kidOfSigningKey(scope: KeyScope, name: string): string | undefined {
  const prefix = prefixOf(scope);
  if (name === prefix) return "0";
  const serial = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1) : "";
  return /^\d{1,18}$/.test(serial) ? BigInt(serial).toString() : undefined;
}

/** Which scope's signing key a secret is, with its kid; undefined for every other resource. */
export function scopeOfSigningKey(key: ResourceKey): { scope: KeyScope; kid: string } | undefined {
  const scopes = key.type === "Secret" ? [dataplaneScope(key.mesh)] : key.type === "GlobalSecret" ? [zoneScope, userScope] : [];
  for (const scope of scopes) {
    const kid = kidOfSigningKey(scope, key.name);
    if (kid !== undefined) return { scope, kid };
  }
  return undefined;
}

/** Name of the secrets that list revoked token ids of a scope. */
export const revocationsName = (scope: KeyScope): string =>
  scope.kind === "dataplane" ? `dataplane-token-revocations-${scope.mesh}` : `${scope.kind}-token-revocations`;

/** Sentence for a key that is not there; peers' users search for these words. */
export function missingKeyText(scope: KeyScope, kid: string): string {
  const where = scope.kind === "dataplane" ? ` in mesh "${scope.mesh}"` : "";
  return (
    `there is no signing key with KID ${kid}. ${signingKeyType(scope)} of name "${signingKeyName(scope, kid)}"${where} is not found. ` +
    "If signing key was rotated, regenerate the token"
  );
}
