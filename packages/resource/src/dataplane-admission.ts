import type { DataplaneSpec, MeshSpec, RateLimitSpec, TagMap } from "./specs/index.ts";
import { tagSetsOf } from "./dataplane.ts";
import { tag } from "./tags.ts";

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
  const unproven = inbound.map((one) => (one.serviceProbe ? { ...one, state: "NotReady" as const, health: {} } : one));
  return { ...spec, networking: { ...spec.networking, inbound: unproven } };
}

/** Whether every pair of the selector is among the tags; "*" stands for any value that is not empty. */
const holds = (selector: TagMap, tags: TagMap): boolean =>
  Object.entries(selector).every(([key, value]) => (value === "*" ? Boolean(tags[key]) : tags[key] === value));

/** Why a mesh's constraints keep this dataplane out; undefined if they do not. A restriction outweighs a requirement. */
export function constraintFault(mesh: MeshSpec, dataplane: DataplaneSpec): string | undefined {
  const { requirements = [], restrictions = [] } = mesh.constraints?.dataplaneProxy ?? {};
  for (const tags of tagSetsOf(dataplane)) {
    const shown = JSON.stringify(tags);
    if (restrictions.some((selector) => holds(selector.tags, tags))) return `dataplane with tags ${shown} is restricted by the mesh`;
    if (requirements.length > 0 && !requirements.some((selector) => holds(selector.tags, tags))) {
      return `dataplane with tags ${shown} meets none of the mesh's requirements`;
    }
  }
  return undefined;
}

export const rateLimitOnExternalServiceReason = `RateLimit applied to external service only supports ${tag.service} as destination match`;

/** Whether a rate limit selects this external service by more than its name, which no proxy can tell. */
export const limitsExternalServiceByTags = (limit: RateLimitSpec, externalServiceTags: TagMap): boolean =>
  limit.destinations.some(({ match = {} }) => {
    const service = match[tag.service];
    return Object.keys(match).length > 1 && (service === "*" || service === externalServiceTags[tag.service]);
  });
