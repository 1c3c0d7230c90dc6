import { parseLifetimeMs } from "@atoll/certificate";
import type { Change, ResourceReader } from "@atoll/replica";
import {
  type BuiltinCaConf,
  type CertificateAuthorityBackend,
  type MeshSpec,
  type Resource,
  type ResourceDraft,
  type ResourceKey,
  type Violation,
  kindOf,
  validateAuthority,
  validateNewMeshName,
} from "@atoll/resource";
import { createSigningKey, dataplaneScope, firstKid, scopeOfSigningKey, signingKeyResources } from "@atoll/token";
import type { Preparation } from "./config-writer.ts";
import { defaultPolicies } from "./default-policies.ts";
import type { ApiOptions } from "./ports.ts";
import { loadProvidedCa, secretsOfBackend, type SecretSource } from "./mesh-backends.ts";
import { invalid } from "./problem.ts";

const longestSecretName = 255;
const dnsName = /^[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*$/;

/** Key material of one request: made once, however often the write is tried again. */
export class MeshMaterial {
  readonly #options: ApiOptions;
  #signingKey: string | undefined;
  readonly #cas = new Map<string, { certPem: string; keyPem: string }>();
  readonly #providedFaults = new Map<string, readonly Violation[]>();

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  signingKey(): string | Preparation {
    if (this.#signingKey !== undefined) return this.#signingKey;
    return { prepare: async () => void (this.#signingKey = await createSigningKey()) };
  }

  ca(mesh: string, backend: CertificateAuthorityBackend): { certPem: string; keyPem: string } | Preparation {
    const settings = builtinSettings(backend);
    const id = JSON.stringify([backend.name, settings]);
    const made = this.#cas.get(id);
    if (made !== undefined) return made;
    return { prepare: async () => void this.#cas.set(id, await this.#options.certificates.createCa({ mesh, ...settings })) };
  }

  providedFaults(pair: { certPem: string; keyPem: string }): readonly Violation[] | Preparation {
    const id = `${pair.certPem}\n${pair.keyPem}`;
    const known = this.#providedFaults.get(id);
    if (known !== undefined) return known;
    return { prepare: async () => void this.#providedFaults.set(id, await this.#options.certificates.checkCa(pair)) };
  }
}

const isPreparation = (value: object): value is Preparation => "prepare" in value;

/**
 * Everything that is written with a mesh, in one change set: the CA of each builtin backend that has none yet and, with a new
 * mesh, its first signing key and its default policies; all but what the change set brings itself (`proposed`).
 */
export function decideMesh(
  draft: ResourceDraft<MeshSpec>,
  existing: Resource<MeshSpec> | undefined,
  options: ApiOptions,
  material: MeshMaterial,
  proposed: ResourceReader = options.config,
): Change[] | Preparation {
  const faults = meshFaults(draft, existing, { reveal: options.reveal, config: proposed }, material);
  if (isPreparation(faults)) return faults;
  if (faults.length > 0) throw invalid(existing === undefined ? "Could not create a resource" : "Could not update a resource", faults);

  const changes: Change[] = [{ op: "put", resource: draft }];
  const put = (resource: ResourceDraft) => changes.push({ op: "put", resource });
  for (const backend of draft.spec.mtls?.backends ?? []) {
    if (backend.type !== "builtin") continue;
    const [certKey, keyKey] = secretsOfBackend(draft.name, backend).map((name) => ({ type: "Secret", mesh: draft.name, name }));
    if (proposed.get("Secret", draft.name, certKey!.name) !== undefined) continue;
    const ca = material.ca(draft.name, backend);
    if (isPreparation(ca)) return ca;
    put(options.seal(secret(certKey!, ca.certPem)));
    put(options.seal(secret(keyKey!, ca.keyPem)));
  }
  if (existing === undefined) {
    if (!proposed.list("Secret", draft.name).some((each) => scopeOfSigningKey(each) !== undefined)) {
      const pem = material.signingKey();
      if (typeof pem !== "string") return pem;
      const [signingKey, verificationKey] = signingKeyResources(dataplaneScope(draft.name), firstKid, pem);
      put(options.seal(signingKey));
      put(verificationKey);
    }
    const skipped = new Set(draft.spec.skipCreatingInitialPolicies);
    if (!skipped.has("*")) {
      for (const policy of defaultPolicies(draft.name, options.settings.createMeshRoutingResources)) {
        const brought = proposed.get(policy.type, draft.name, policy.name) !== undefined;
        if (!brought && !skipped.has(policy.type) && kindOf(policy.type) !== undefined) put(policy);
      }
    }
  }
  return changes;
}

const secret = (key: ResourceKey, pem: string): ResourceDraft => ({ ...key, spec: { data: Buffer.from(pem).toString("base64") } });

function meshFaults(
  draft: ResourceDraft<MeshSpec>,
  existing: Resource<MeshSpec> | undefined,
  secrets: SecretSource,
  material: MeshMaterial,
): Violation[] | Preparation {
  const faults: Violation[] = [];
  const { mtls } = draft.spec;
  if (existing === undefined) faults.push(...validateNewMeshName(draft.name));
  const before = existing?.spec.mtls?.enabledBackend ?? "";
  const after = mtls?.enabledBackend ?? "";
  if (before !== "" && after !== "" && before !== after) {
    faults.push({
      field: "mtls.enabledBackend",
      reason: "Changing CA when mTLS is enabled is forbidden. Disable mTLS first and then change the CA",
    });
  }
  for (const [index, backend] of (mtls?.backends ?? []).entries()) {
    const path = `mtls.backends[${index}]`;
    if (backend.type !== "builtin" && backend.type !== "provided") {
      faults.push({ field: `${path}.type`, reason: "could not find installed plugin for this type" });
      return faults;
    }
    if (mtls?.skipValidation === true) continue;
    const settingsFaults = validateAuthority(backend);
    faults.push(...settingsFaults.map(under(path)));
    if (backend.type === "builtin") faults.push(...builtinFaults(draft.name, backend, path));
    else if (settingsFaults.length === 0) {
      const provided = loadProvidedCa(draft.name, backend, secrets);
      if ("faults" in provided) faults.push(...provided.faults.map(under(`${path}.conf`)));
      else {
        const checked = material.providedFaults(provided.pair);
        if (isPreparation(checked)) return checked;
        faults.push(...checked.map(under(`${path}.conf`)));
      }
    }
  }
  return faults;
}

const under =
  (path: string) =>
  ({ field, reason }: Violation): Violation => ({ field: field === "" ? path : `${path}.${field}`, reason });

function builtinFaults(mesh: string, backend: CertificateAuthorityBackend, path: string): Violation[] {
  const faults: Violation[] = [];
  const field = `${path}.conf.mtls.backends.name`;
  const [name = ""] = secretsOfBackend(mesh, backend);
  if (name.length > longestSecretName) faults.push({ field, reason: `Backend name is too long. Max length: ${longestSecretName}` });
  if (!dnsName.test(name)) faults.push({ field, reason: `${JSON.stringify(backend.name ?? "")} name must be valid dns name` });
  return faults;
}

/** `conf.caCert` of a builtin backend; what it leaves out is decided where the certificate is made. */
function builtinSettings(backend: CertificateAuthorityBackend): { rsaBits?: number; expirationMs?: number } {
  const { caCert } = (backend.conf ?? {}) as BuiltinCaConf & { caCert?: { rsaBits?: number } };
  const rsaBits = caCert?.RSAbits ?? caCert?.rsaBits;
  const expirationMs = parseLifetimeMs(caCert?.expiration);
  return { ...(rsaBits !== undefined && { rsaBits }), ...(expirationMs !== undefined && { expirationMs }) };
}
