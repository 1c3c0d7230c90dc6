import type { MeshSpec, Resource, ResourceDraft, ResourceKey, Violation } from "@atoll/resource";
import { type VerificationKeyChange, scopeOfSigningKey, verificationKeyChange } from "@atoll/token";
import { secretsOfBackend } from "./mesh-backends.ts";
import { invalid } from "./problem.ts";

/**
 * What must be written together with a signing key, so that zones can verify with its public half alone; undefined for every other
 * secret. Bytes that are no key are refused, since every zone would refuse what they sign: only the key without a serial may be
 * one, being the shared secret of old installations.
 */
export function signingKeyChange(secret: ResourceDraft, title: string): VerificationKeyChange | undefined {
  const { data } = secret.spec as { data?: string };
  const change = verificationKeyChange(secret, Buffer.from(data ?? "", "base64"));
  if (change?.op === "delete" && scopeOfSigningKey(secret)?.kid !== "0") {
    throw invalid(title, [
      { field: "data", reason: "has to be an RSA private key in PEM or DER: the name is that of a token signing key" },
    ]);
  }
  return change;
}

/** Why a Secret may not be deleted: an mTLS backend keeps its CA in it. */
export function inUseViolations(secret: ResourceKey, mesh: Resource<MeshSpec> | undefined): Violation[] {
  return (mesh?.spec.mtls?.backends ?? [])
    .filter((backend) => secretsOfBackend(secret.mesh, backend).includes(secret.name))
    .map(({ name }) => ({
      field: "name",
      reason:
        `The secret "${secret.name}" that you are trying to remove is currently in use in Mesh "${secret.mesh}" in mTLS backend "${name}". ` +
        `Please remove the reference from the "${name}" backend before removing the secret.`,
    }));
}
