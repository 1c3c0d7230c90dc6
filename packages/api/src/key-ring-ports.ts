import { createBuiltinCa, validateProvidedCa } from "@atoll/certificate";
import { type KeyRing, revealSecret, sealSecret, SecretError } from "@atoll/secret";
import type { ApiOptions } from "./ports.ts";

/** What the API does with secrets and CAs, by the keys this process holds; a secret of another key is not revealed. */
export function keyRingPorts(ring: KeyRing, now: () => number): Pick<ApiOptions, "seal" | "reveal" | "certificates"> {
  return {
    seal: (draft) => sealSecret(ring, draft),
    reveal: (secret) => {
      try {
        return (revealSecret(ring, secret) as { spec: { data?: string } }).spec.data;
      } catch (error) {
        if (error instanceof SecretError) return undefined;
        throw error;
      }
    },
    certificates: {
      createCa: ({ mesh, rsaBits, expirationMs }) => createBuiltinCa({ mesh, rsaBits, lifetimeMs: expirationMs, nowMs: now() }),
      checkCa: validateProvidedCa,
    },
  };
}
