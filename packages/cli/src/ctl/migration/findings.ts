import type { MeshGatewaySpec, MeshSpec, ResourceDraft } from "@atoll/resource";
import { dataplaneScope, kidOfSigningKey, revocationsName, userScope, zoneScope, type KeyScope } from "@atoll/token";
import type { Plan, PlannedResource } from "./plan.ts";

export interface TokenFinding {
  kind: KeyScope["kind"];
  /** Of dataplane tokens. */
  mesh?: string;
  /** Keys that come along; tokens signed with them verify. */
  kids: string[];
  revocations: boolean;
  says: string;
}

export interface AuthorityFinding {
  mesh: string;
  backend: string;
  /** The CA stays the one that the mesh's certificates are signed with. */
  kept: boolean;
  says: string;
}

/** What to know beyond single resources. */
export interface Findings {
  tokens: TokenFinding[];
  authorities: AuthorityFinding[];
  attention: string[];
}

/** What the plan means for traffic, tokens and certificates. Pure. */
export function findingsOf(plan: Plan): Findings {
  const taken = plan.resources.filter((one) => one.draft !== undefined && one.outcome !== "invalid");
  const meshes = taken.filter(({ type }) => type === "Mesh") as (PlannedResource & { draft: ResourceDraft<MeshSpec> })[];
  return {
    tokens: [...meshes.map(({ name }) => tokensOf(dataplaneScope(name), taken)), tokensOf(zoneScope, taken), tokensOf(userScope, taken)],
    authorities: meshes.flatMap((mesh) => authoritiesOf(mesh.draft, taken)),
    attention: [
      ...meshes.flatMap((mesh) => meshAttention(mesh.draft, taken)),
      ...routesWithoutGateways(taken),
      ...secretsMissing(taken),
      ...userKeyAttention(plan),
    ],
  };
}

const names = (taken: readonly PlannedResource[], type: string, mesh: string): string[] =>
  taken.filter((one) => one.type === type && one.mesh === mesh).map(({ name }) => name);

function tokensOf(scope: KeyScope, taken: readonly PlannedResource[]): TokenFinding {
  const { kind, mesh } = scope;
  const secrets = [...names(taken, kind === "dataplane" ? "Secret" : "GlobalSecret", mesh)];
  const kids = secrets.flatMap((name) => kidOfSigningKey(scope, name) ?? []).toSorted((a, b) => Number(a) - Number(b));
  const revocations = [...secrets, ...names(taken, "GlobalSecret", "")].includes(revocationsName(scope));
  const whose = kind === "dataplane" ? `dataplane tokens of mesh ${mesh}` : `${kind} tokens`;
  const cp = kind === "zone" ? "; the services of a zone need one with scope cp: generate zone-token --scope cp" : "";
  const says =
    kids.length === 0
      ? `the source has no signing key: ${whose} that exist do not verify${cp}`
      : `${whose} signed with kid ${kids.join(", ")} verify as they are${cp}`;
  return { kind, ...(kind === "dataplane" && { mesh }), kids, revocations, says };
}

function authoritiesOf({ name: mesh, spec }: ResourceDraft<MeshSpec>, taken: readonly PlannedResource[]): AuthorityFinding[] {
  const secrets = names(taken, "Secret", mesh);
  return (spec.mtls?.backends ?? []).map(({ name: backend, type, conf }): AuthorityFinding => {
    if (type === "builtin") {
      const kept = secrets.includes(`${mesh}.ca-builtin-cert-${backend}`) && secrets.includes(`${mesh}.ca-builtin-key-${backend}`);
      const says = kept
        ? "the same CA: certificates that exist verify"
        : "the source has no CA for it: Atoll makes a new one, and proxies of the old and the new do not trust each other";
      return { mesh, backend, kept, says };
    }
    const { cert, key } = (conf ?? {}) as { cert?: { secret?: string }; key?: { secret?: string } };
    const wanted = [cert?.secret, key?.secret].filter((each) => each !== undefined);
    const missing = wanted.filter((each) => !secrets.includes(each));
    if (missing.length === 0) return { mesh, backend, kept: true, says: "the same CA: certificates that exist verify" };
    return { mesh, backend, kept: false, says: `it names Secrets that the source does not have: ${missing.join(", ")}` };
  });
}

function meshAttention({ name: mesh, spec }: ResourceDraft<MeshSpec>, taken: readonly PlannedResource[]): string[] {
  const found: string[] = [];
  const of = (type: string) => names(taken, type, mesh).length;
  if (spec.mtls?.enabledBackend && of("TrafficPermission") + of("MeshTrafficPermission") === 0) {
    found.push(`mesh ${mesh} has mTLS and neither TrafficPermission nor MeshTrafficPermission: nothing is let through until you write one`);
  } else if (of("ExternalService") > 0 && of("TrafficPermission") + of("MeshTrafficPermission") === 0) {
    found.push(`mesh ${mesh} has ExternalServices and no TrafficPermission: no proxy may dial them until you write one`);
  }
  return found;
}

/** The default profile of an export leaves gateways out, and policies with a targetRef. */
function routesWithoutGateways(taken: readonly PlannedResource[]): string[] {
  const meshes = new Set(taken.filter(({ type }) => type === "MeshGatewayRoute").map(({ mesh }) => mesh));
  return [...meshes]
    .filter((mesh) => names(taken, "MeshGateway", mesh).length === 0)
    .map((mesh) => `mesh ${mesh} has MeshGatewayRoutes and no MeshGateway: export with --profile federation-with-policies`);
}

/** Certificates that listeners of gateways name. */
function secretsMissing(taken: readonly PlannedResource[]): string[] {
  return taken.flatMap(({ type, mesh, name, draft }) => {
    if (type !== "MeshGateway") return [];
    const listeners = (draft!.spec as MeshGatewaySpec).conf?.listeners ?? [];
    const wanted = listeners.flatMap(({ tls }) => (tls?.certificates ?? []).flatMap(({ secret }) => secret ?? []));
    const missing = wanted.filter((each) => !names(taken, "Secret", mesh).includes(each));
    return missing.length === 0
      ? []
      : [`MeshGateway ${name} of mesh ${mesh} names Secrets that the source does not have: ${missing.join(", ")}`];
  });
}

function userKeyAttention({ resources }: Plan): string[] {
  const replaced = (name: string) => resources.some((one) => one.name === name && one.outcome === "replace");
  const found: string[] = [];
  if (replaced("user-token-signing-key-1"))
    found.push("Atoll's first key of user tokens is replaced: user tokens that Atoll issued, its admin token among them, stop to verify");
  if (replaced("zone-token-signing-key-1"))
    found.push("Atoll's first key of zone tokens is replaced: zones that are connected with tokens of Atoll's need new ones");
  return found;
}
