import type { DataplaneSpec, MeshSpec, RateLimitSpec, TagMap } from "./specs/index.ts";
import type { Violation } from "./resource.ts";
import { tag } from "./tags.ts";
import { violation } from "./validators/violation.ts";

/** The dataplane with the zone's tag on its gateway or on every inbound. */
export function withZoneTag(spec: DataplaneSpec, zone: string): DataplaneSpec {
  const { gateway, inbound } = spec.networking;
  const tagged = (tags: TagMap): TagMap =>
    Object.fromEntries(Object.entries({ ...tags, [tag.zone]: zone }).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return {
    ...spec,
    networking: {
      ...spec.networking,
      ...(inbound ? { inbound: inbound.map((one) => ({ ...one, tags: tagged(one.tags) })) } : {}),
      ...(gateway ? { gateway: { ...gateway, tags: tagged(gateway.tags) } } : {}),
    },
  };
}

/** A new dataplane: inbounds with a probe are not ready until the first one has succeeded. */
export function withUnprovenInbounds(spec: DataplaneSpec): DataplaneSpec {
  const { inbound } = spec.networking;
  if (!inbound) return spec;
  const unproven = inbound.map((one) => {
    const { serviceProbe, state: _state, health: _health, ...rest } = one;
    return serviceProbe ? { ...rest, health: {}, serviceProbe, state: "NotReady" as const } : one;
  });
  return { ...spec, networking: { ...spec.networking, inbound: unproven } };
}

/** Whether every pair of the selector is among the tags; "*" stands for any value that is not empty. */
const holds = (selector: TagMap, tags: TagMap): boolean =>
  Object.entries(selector).every(([key, value]) => (value === "*" ? Boolean(tags[key]) : tags[key] === value));

/** Why a mesh's constraints keep this dataplane out. A restriction outweighs a requirement; every inbound must satisfy them. */
export function constraintViolations(mesh: MeshSpec, { networking }: DataplaneSpec): Violation[] {
  const { requirements = [], restrictions = [] } = mesh.constraints?.dataplaneProxy ?? {};
  const { gateway, inbound = [] } = networking;
  const tagSets = [
    ...inbound.map(({ tags }, index) => ({ field: `networking.inbound[${index}].tags`, tags })),
    ...(gateway ? [{ field: "networking.gateway.tags", tags: gateway.tags }] : []),
  ];
  return tagSets.flatMap(({ field, tags }) => {
    if (restrictions.some((rule) => holds(rule.tags, tags))) return [violation(field, "a restriction of the mesh forbids these tags")];
    const admitted = requirements.length === 0 || requirements.some((rule) => holds(rule.tags, tags));
    return admitted ? [] : [violation(field, "no requirement of the mesh admits these tags")];
  });
}

export const rateLimitOnExternalServiceReason = `RateLimit applied to external service only supports ${tag.service} as destination match`;

/** Whether a rate limit selects this external service by more than its name, which no proxy can tell. */
export const limitsExternalServiceByTags = (limit: RateLimitSpec, externalServiceTags: TagMap): boolean =>
  limit.destinations.some(({ match = {} }) => {
    const service = match[tag.service];
    return Object.keys(match).length > 1 && (service === "*" || service === externalServiceTags[tag.service]);
  });
