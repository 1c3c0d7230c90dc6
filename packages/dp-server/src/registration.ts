import { tag, type DataplaneSpec, type MeshSpec, type ResourceDraft } from "@atoll/resource";
import type { ProxyType } from "./proxy-node.ts";

/**
 * The resource as the zone stores it: its zone is written into every tag set, labels that are computed are set, and inbounds
 * with a probe start as not ready until the first result (controlplane.md 1.5). Pure.
 */
export function completeRegistration(brought: ResourceDraft, zone: string, existing: ResourceDraft | undefined): ResourceDraft {
  const labels: Record<string, string> = { ...brought.labels };
  if (brought.type !== "Dataplane") {
    labels["kuma.io/proxy-type"] = brought.type === "ZoneIngress" ? "zoneingress" : "zoneegress";
    return { ...brought, labels };
  }
  const spec = structuredClone(brought.spec) as DataplaneSpec;
  const networking = spec.networking!;
  for (const [index, inbound] of (networking.inbound ?? []).entries()) {
    inbound.tags = { ...inbound.tags, [tag.zone]: zone };
    if (inbound.serviceProbe !== undefined) {
      const known = (existing?.spec as DataplaneSpec | undefined)?.networking?.inbound?.[index];
      // A proxy that comes back keeps what its probes last said.
      inbound.state = known?.state ?? "NotReady";
      inbound.health = known?.health ?? { ready: false };
    }
  }
  if (networking.gateway !== undefined) networking.gateway.tags = { ...networking.gateway.tags, [tag.zone]: zone };
  labels["kuma.io/mesh"] ??= brought.mesh;
  labels["kuma.io/origin"] ??= "zone";
  if (labels["kuma.io/origin"] === "zone") {
    labels["kuma.io/zone"] = zone;
    labels["kuma.io/env"] ??= "universal";
  }
  labels["kuma.io/proxy-type"] = networking.gateway !== undefined ? "gateway" : "sidecar";
  return { ...brought, labels, spec };
}

/** Why this dataplane may not join its mesh, or null (dataplane.md 1.1, membership). */
export function membershipViolation(dataplane: ResourceDraft, mesh: MeshSpec): string | null {
  const constraints = mesh.constraints?.dataplaneProxy;
  if (constraints === undefined) return null;
  const networking = (dataplane.spec as DataplaneSpec).networking!;
  const tagSets = [...(networking.inbound ?? []).map((inbound) => inbound.tags ?? {}), ...(networking.gateway ? [networking.gateway.tags ?? {}] : [])];
  const fits = (tags: Record<string, string>, wanted: Record<string, string>) =>
    Object.entries(wanted).every(([key, value]) => (value === "*" ? (tags[key] ?? "") !== "" : tags[key] === value));
  for (const tags of tagSets) {
    if (constraints.restrictions?.some((one) => fits(tags, one.tags ?? {}))) return `dataplane with tags ${JSON.stringify(tags)} is restricted from joining mesh ${dataplane.mesh}`;
    const requirements = constraints.requirements ?? [];
    if (requirements.length > 0 && !requirements.some((one) => fits(tags, one.tags ?? {}))) {
      return `dataplane with tags ${JSON.stringify(tags)} does not meet any requirement of mesh ${dataplane.mesh}`;
    }
  }
  return null;
}

/** Insight type that records what is observed of a proxy. */
export const insightTypeOf: Record<ProxyType, "DataplaneInsight" | "ZoneIngressInsight" | "ZoneEgressInsight"> = {
  dataplane: "DataplaneInsight",
  ingress: "ZoneIngressInsight",
  egress: "ZoneEgressInsight",
};
