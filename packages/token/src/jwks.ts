import { scopeOfSigningKey, type KeyScope } from "./key-name.ts";
import type { ResourceSource } from "./resource-source.ts";
import { readVerificationKey } from "./signing-key.ts";
import { TokenError } from "./token-error.ts";
import { verificationKeyType, type TokenVerificationKeySpec } from "./verification-keys.ts";

/** One public key (RFC 7517). Kids repeat from scope to scope, so each key says which tokens it verifies. */
export interface JsonWebKeyEntry {
  kty: string;
  n: string;
  e: string;
  alg: "RS256";
  use: "sig";
  kid: string;
  "atoll:kind": KeyScope["kind"];
  "atoll:mesh"?: string;
}

/** The public keys of the folded state as a JSON Web Key Set, only those of `filter` if given. Keys that cannot be read are left out. */
export function renderJwks(resources: ResourceSource, filter: Partial<KeyScope> = {}): { keys: JsonWebKeyEntry[] } {
  const keys = resources.list<TokenVerificationKeySpec>(verificationKeyType).flatMap(({ mesh, name, spec }): JsonWebKeyEntry[] => {
    const scope = scopeOfSigningKey({ type: mesh === "" ? "GlobalSecret" : "Secret", mesh, name })?.scope;
    if (scope === undefined || (filter.kind ?? scope.kind) !== scope.kind || (filter.mesh ?? scope.mesh) !== scope.mesh) return [];
    try {
      const { kty = "", n = "", e = "" } = readVerificationKey(spec.publicKeyPem, name).export({ format: "jwk" });
      return [
        { kty, n, e, alg: "RS256", use: "sig", kid: spec.kid, "atoll:kind": scope.kind, ...(mesh === "" ? {} : { "atoll:mesh": mesh }) },
      ];
    } catch (error) {
      if (error instanceof TokenError) return [];
      throw error;
    }
  });
  return { keys };
}
