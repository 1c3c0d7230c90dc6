import type { KeyObject } from "node:crypto";
import type { Change, Resource, ResourceDraft, ResourceKey } from "@atoll/resource";
import { SecretError, unsealSecret, type KeyRing } from "@atoll/secret";
import { scopeOfSigningKey, signingKeyKey, signingKeyName, type KeyScope } from "./key-name.ts";
import type { ResourceSource } from "./resource-source.ts";
import { publicKeyPem, readVerificationKey } from "./signing-key.ts";
import { TokenError } from "./token-error.ts";

/** Where a verifier finds keys. */
export interface VerificationKeys {
  /** Throws `TokenError` code "bad-key" if there is such a key but it cannot be read. */
  publicKey(scope: KeyScope, kid: string): KeyObject | undefined;
  /** Bytes of the bare-prefix signing key, for HS256 tokens of old installations; undefined where they are not readable. */
  legacyKey(scope: KeyScope): Uint8Array | undefined;
}

/** Kind of the internal resource that carries a public key to the zones. Its name and mesh are those of the signing key. */
export const verificationKeyType = "TokenVerificationKey";

export interface TokenVerificationKeySpec {
  kid: string;
  publicKeyPem: string;
}

export type VerificationKeyChange = Change<TokenVerificationKeySpec>;

/**
 * The change that must go into the same change set as a change of the resource `key`: puts the public key of a signing key that is
 * written (`bytes` are its plaintext), deletes it when the signing key is deleted (`bytes` undefined) or is not an RSA private key.
 * Undefined for every resource that is not a signing key.
 */
export function verificationKeyChange(key: ResourceKey, bytes: Uint8Array | undefined): VerificationKeyChange | undefined {
  const signing = scopeOfSigningKey(key);
  if (signing === undefined) return undefined;
  const target = { type: verificationKeyType, mesh: key.mesh, name: key.name };
  if (bytes === undefined) return { op: "delete", key: target };
  try {
    return { op: "put", resource: { ...target, spec: { kid: signing.kid, publicKeyPem: publicKeyPem(bytes) } } };
  } catch (error) {
    if (error instanceof TokenError) return { op: "delete", key: target };
    throw error;
  }
}

/** Both resources of a new signing key, the private one not yet sealed. */
export function signingKeyResources(
  scope: KeyScope,
  kid: string,
  privateKeyPem: string,
): [secret: ResourceDraft, verification: ResourceDraft] {
  const key = signingKeyKey(scope, kid);
  return [
    { ...key, spec: { data: Buffer.from(privateKeyPem).toString("base64") } },
    { type: verificationKeyType, mesh: key.mesh, name: key.name, spec: { kid, publicKeyPem: publicKeyPem(privateKeyPem) } },
  ];
}

/** Keys of the folded state. `ring` is only for legacy HS256 tokens; without the key that sealed them these are refused. */
export function resourceKeys(resources: ResourceSource, ring: KeyRing = {}): VerificationKeys {
  const read = new WeakMap<Resource, KeyObject>();
  return {
    publicKey(scope, kid) {
      // A key whose name has leading zeros is not under its canonical name, but signs with the canonical kid.
      const resource =
        resources.get<TokenVerificationKeySpec>(verificationKeyType, scope.mesh, signingKeyName(scope, kid)) ??
        resources
          .list<TokenVerificationKeySpec>(verificationKeyType, scope.mesh)
          .find((candidate) => candidate.spec.kid === kid && isOfScope(candidate, scope));
      if (resource === undefined) return undefined;
      let key = read.get(resource);
      if (key === undefined) {
        key = readVerificationKey(resource.spec.publicKeyPem, `${verificationKeyType} ${resource.name}`);
        read.set(resource, key);
      }
      return key;
    },
    legacyKey(scope) {
      const { type, mesh, name } = signingKeyKey(scope, "0");
      const resource = resources.get(type, mesh, name);
      if (resource === undefined) return undefined;
      try {
        return unsealSecret(ring, resource);
      } catch (error) {
        if (error instanceof SecretError && error.code === "no-key") return undefined;
        throw error;
      }
    },
  };
}

const isOfScope = (resource: Resource, scope: KeyScope): boolean =>
  resource.mesh === scope.mesh && scopeOfSigningKey({ ...signingKeyKey(scope, "0"), name: resource.name })?.scope.kind === scope.kind;

/** A public key from a file or a setting, for tokens signed elsewhere. */
export interface StaticKey {
  kid: string;
  /** PEM `RSA PUBLIC KEY` or `PUBLIC KEY`. */
  key: string;
  /** Dataplane keys only: the mesh it is for; absent or "" = all. */
  mesh?: string;
}

/** Throws `TokenError` code "bad-key" at once if a key cannot be read. */
export function staticKeys(kind: KeyScope["kind"], keys: readonly StaticKey[]): VerificationKeys {
  const read = keys.map(({ kid, key, mesh = "" }, index) => ({
    kid,
    mesh,
    key: readVerificationKey(key, `public key ${index + 1} (kid "${kid}")`),
  }));
  return {
    publicKey: (scope, kid) =>
      scope.kind === kind ? read.find((entry) => entry.kid === kid && (entry.mesh === "" || entry.mesh === scope.mesh))?.key : undefined,
    legacyKey: () => undefined,
  };
}

/** Which keys verify tokens of one kind: those of the settings and, unless `useSecrets` is off, the stored ones. */
export interface ConfiguredKeys {
  publicKeys: readonly StaticKey[];
  useSecrets: boolean;
}

/** Keys of the settings come before stored ones. A kind that is not configured is verified with `stored`. Throws as `staticKeys`. */
export function configuredKeys(
  configured: { readonly [kind in KeyScope["kind"]]?: ConfiguredKeys },
  stored: VerificationKeys,
): VerificationKeys {
  const sources = new Map<KeyScope["kind"], VerificationKeys>();
  for (const [kind, { publicKeys, useSecrets }] of Object.entries(configured) as [KeyScope["kind"], ConfiguredKeys][]) {
    const fixed = staticKeys(kind, publicKeys);
    sources.set(kind, useSecrets ? firstOf(fixed, stored) : fixed);
  }
  const sourceOf = ({ kind }: KeyScope) => sources.get(kind) ?? stored;
  return {
    publicKey: (scope, kid) => sourceOf(scope).publicKey(scope, kid),
    legacyKey: (scope) => sourceOf(scope).legacyKey(scope),
  };
}

/** Asks each in turn; the first that has the key gives it. */
export function firstOf(...sources: readonly VerificationKeys[]): VerificationKeys {
  const first = <Key>(keyOf: (source: VerificationKeys) => Key | undefined): Key | undefined => {
    for (const source of sources) {
      const key = keyOf(source);
      if (key !== undefined) return key;
    }
    return undefined;
  };
  return {
    publicKey: (scope, kid) => first((source) => source.publicKey(scope, kid)),
    legacyKey: (scope) => first((source) => source.legacyKey(scope)),
  };
}
