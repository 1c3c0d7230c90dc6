import type { KeyObject } from "node:crypto";
import type { Resource } from "@atoll/resource";
import { unsealSecret, type KeyRing } from "@atoll/secret";
import { firstKid, kidOfSigningKey, missingKeyText, signingKeyType, type KeyScope } from "./key-name.ts";
import type { ResourceSource } from "./resource-source.ts";
import { readSigningKey } from "./signing-key.ts";
import { TokenError } from "./token-error.ts";

export interface SigningKeys {
  /** The key of the highest serial. Throws `TokenError`: "unknown-key" if the scope has none, "bad-key" if it cannot be read. */
  newest(scope: KeyScope): { kid: string; privateKey: KeyObject };
}

/** Signing keys of the folded state, opened with the global key of `ring`. */
export function resourceSigningKeys(resources: ResourceSource, ring: KeyRing): SigningKeys {
  const read = new WeakMap<Resource, KeyObject>();
  return {
    newest(scope) {
      let newest: { kid: string; resource: Resource } | undefined;
      for (const resource of resources.list(signingKeyType(scope), scope.mesh)) {
        const kid = resource.mesh === scope.mesh ? kidOfSigningKey(scope, resource.name) : undefined;
        if (kid !== undefined && (newest === undefined || BigInt(kid) > BigInt(newest.kid))) newest = { kid, resource };
      }
      if (newest === undefined) throw new TokenError("unknown-key", missingKeyText(scope, firstKid));
      const { kid, resource } = newest;
      let privateKey = read.get(resource);
      if (privateKey === undefined) {
        privateKey = readSigningKey(unsealSecret(ring, resource), `${resource.type} "${resource.name}"`);
        read.set(resource, privateKey);
      }
      return { kid, privateKey };
    },
  };
}
