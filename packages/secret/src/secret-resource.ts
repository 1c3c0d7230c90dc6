import { keyString, type Resource, type ResourceDraft } from "@atoll/resource";
import type { SealedBytes, SealingKey } from "./sealing-key.ts";
import { SecretError } from "./secret-error.ts";

/** `global`: only the global service and its token issuers hold it. `zone`: zones receive it at registration. */
export type SealingKeyName = "global" | "zone";

export type KeyRing = { readonly [name in SealingKeyName]?: SealingKey };

/** Spec of a Secret or GlobalSecret as a person writes it; `data` is base64. */
export interface SecretSpec {
  data?: string;
}

/** The same as it is stored in a log. */
export interface SealedSecretSpec {
  sealed: SealedBytes & { key: SealingKeyName };
}

type Named = Pick<Resource, "type" | "mesh" | "name">;

const onlyGlobal = {
  GlobalSecret: /^(user-token-.*|admin-user-token|zone-token-signing-key(-.*)?|envoy-admin-ca|inter-cp-ca)$/,
  Secret: /^dataplane-token-signing-key(-.*)?$/,
} as const;

export const isSecretType = (type: string): type is keyof typeof onlyGlobal => Object.hasOwn(onlyGlobal, type);

/**
 * Which key seals a Secret or GlobalSecret: keys that sign and credentials of global's administrators never open in a zone. A mesh's
 * signing key without a serial is the exception: old installations signed with HS256, where who verifies has to hold the key.
 */
export function sealingKeyName(secret: Named): SealingKeyName {
  if (secret.type === "Secret" && secret.name === `dataplane-token-signing-key-${secret.mesh}`) return "zone";
  return isSecretType(secret.type) && onlyGlobal[secret.type].test(secret.name) ? "global" : "zone";
}

const isSealedSpec = (spec: unknown): spec is SealedSecretSpec =>
  typeof spec === "object" &&
  spec !== null &&
  typeof (spec as SealedSecretSpec).sealed === "object" &&
  (spec as SealedSecretSpec).sealed !== null;

function keyOf(ring: KeyRing, name: SealingKeyName, secret: Named): SealingKey {
  const key = ring[name];
  if (key === undefined)
    throw new SecretError("no-key", `${keyString(secret)} needs the ${name} sealing key, which this process does not have`);
  return key;
}

/**
 * Replaces `spec.data` of a Secret or GlobalSecret by its sealed form. Other kinds, secrets without data and secrets already
 * sealed come back as they are. Throws `SecretError` code "no-key".
 */
export function sealSecret(ring: KeyRing, draft: ResourceDraft): ResourceDraft<unknown> {
  if (!isSecretType(draft.type) || isSealedSpec(draft.spec)) return draft;
  const data = (draft.spec as SecretSpec | undefined)?.data;
  if (data === undefined) return draft;
  const name = sealingKeyName(draft);
  const sealed = keyOf(ring, name, draft).seal(Buffer.from(data, "base64"), keyString(draft));
  return { ...draft, spec: { sealed: { key: name, ...sealed } } satisfies SealedSecretSpec };
}

/**
 * The bytes of a stored Secret or GlobalSecret (empty if it has no data). Throws `SecretError`: "no-key", "wrong-key", "tampered",
 * or "bad-record" for a resource of another kind.
 */
export function unsealSecret(ring: KeyRing, resource: Named & { spec: unknown }): Uint8Array {
  if (!isSecretType(resource.type)) throw new SecretError("bad-record", `${keyString(resource)} is not a secret`);
  if (!isSealedSpec(resource.spec)) return Buffer.from((resource.spec as SecretSpec | undefined)?.data ?? "", "base64");
  const { key, ...sealed } = resource.spec.sealed;
  if (key !== "global" && key !== "zone") throw new SecretError("bad-record", `${keyString(resource)} names an unknown key`);
  return keyOf(ring, key, resource).open(sealed, keyString(resource));
}

/** A stored secret in the form its author wrote it, for the REST API. Other kinds come back as they are. Throws as `unsealSecret`. */
export function revealSecret<R extends Named & { spec: unknown }>(ring: KeyRing, resource: R): R {
  if (!isSecretType(resource.type) || !isSealedSpec(resource.spec)) return resource;
  return { ...resource, spec: { data: Buffer.from(unsealSecret(ring, resource)).toString("base64") } satisfies SecretSpec };
}
