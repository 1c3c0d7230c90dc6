import type { Resource } from "@atoll/resource";
import { unsealSecret, type KeyRing } from "@atoll/secret";
import { revocationsName, type KeyScope } from "./key-name.ts";
import type { ResourceSource } from "./resource-source.ts";

export interface Revocations {
  /** Throws if the list exists but cannot be read: a token is then not accepted. */
  isRevoked(scope: KeyScope, jti: string): boolean;
}

/** The ids of a revocation list: separated by commas, spaces and line ends around them ignored. */
export const parseRevocations = (text: string): ReadonlySet<string> =>
  new Set(
    text
      .split(/[,\n]/)
      .map((jti) => jti.trim())
      .filter((jti) => jti !== ""),
  );

/**
 * Revocation lists of the folded state: a GlobalSecret of the scope's name and, for dataplane tokens, also a Secret of that name in
 * the mesh (peers document the one and read the other). Throws `SecretError` where the list's sealing key is missing.
 */
export function resourceRevocations(resources: ResourceSource, ring: KeyRing): Revocations {
  const read = new WeakMap<Resource, ReadonlySet<string>>();
  const listed = (resource: Resource | undefined, jti: string): boolean => {
    if (resource === undefined) return false;
    let ids = read.get(resource);
    if (ids === undefined) {
      ids = parseRevocations(Buffer.from(unsealSecret(ring, resource)).toString("utf8"));
      read.set(resource, ids);
    }
    return ids.has(jti);
  };
  return {
    isRevoked(scope, jti) {
      const name = revocationsName(scope);
      return (
        listed(resources.get("GlobalSecret", "", name), jti) ||
        (scope.kind === "dataplane" && listed(resources.get("Secret", scope.mesh, name), jti))
      );
    },
  };
}
