import type { DataplaneSpec, MeshSpec, Violation } from "@atoll/resource";

type Tags = Record<string, string>;

const zoneTag = "kuma.io/zone";

/** What a zone adds to a Dataplane when it is written: its name as a tag; with a new one, inbounds that are probed start as not ready. */
export function dataplaneOnWrite(raw: unknown, zone: string | undefined, isNew: boolean): DataplaneSpec {
  const spec = raw as DataplaneSpec;
  const { networking } = spec;
  if (networking === undefined) return spec;
  const tagged = (tags: Tags | undefined): Tags => ({ ...tags, ...(zone !== undefined && { [zoneTag]: zone }) });
  return {
    ...spec,
    networking: {
      ...networking,
      ...(networking.inbound !== undefined && {
        inbound: networking.inbound.map((inbound) => ({
          ...inbound,
          tags: tagged(inbound.tags),
          ...(isNew && inbound.serviceProbe !== undefined && { state: "NotReady" as const, health: {} }),
        })),
      }),
      ...(networking.gateway !== undefined && { gateway: { ...networking.gateway, tags: tagged(networking.gateway.tags) } }),
    },
  };
}

/**
 * Why the mesh's constraints do not admit the Dataplane; a restriction wins over a requirement (dataplane.md 1.1). Peers answer 500
 * here; a document that its author can mend deserves the field and the reason.
 */
export function membershipViolations(dataplane: DataplaneSpec, mesh: MeshSpec): Violation[] {
  const { requirements = [], restrictions = [] } = mesh.constraints?.dataplaneProxy ?? {};
  const { inbound = [], gateway } = dataplane.networking ?? {};
  const tagSets = [
    ...inbound.map(({ tags = {} }, index) => ({ field: `networking.inbound[${index}].tags`, tags })),
    ...(gateway === undefined ? [] : [{ field: "networking.gateway.tags", tags: gateway.tags ?? {} }]),
  ];
  return tagSets.flatMap(({ field, tags }) => {
    if (restrictions.some((rule) => matches(tags, rule.tags))) return [{ field, reason: "a restriction of the mesh forbids these tags" }];
    const admitted = requirements.length === 0 || requirements.some((rule) => matches(tags, rule.tags));
    return admitted ? [] : [{ field, reason: "no requirement of the mesh admits these tags" }];
  });
}

const matches = (tags: Tags, rule: Tags | undefined): boolean =>
  Object.entries(rule ?? {}).every(([key, value]) => (value === "*" ? (tags[key] ?? "") !== "" : tags[key] === value));
