import type { Tags } from "../selector.ts";
import { serviceTag } from "./target-ref.ts";
import { resourceIdText } from "./resource-id.ts";
import type { ResourceId } from "./resource-id.ts";

/**
 * The other end of an outbound, as policies know it: a service by its tags, or a resource (MeshService, MeshExternalService,
 * MeshMultiZoneService) with the port that is called.
 */
export type Destination = { kind: "service"; tags: Tags } | { kind: "resource"; id: ResourceId };

export const serviceDestination = (tags: Tags): Destination => ({ kind: "service", tags });

export const resourceDestination = (id: ResourceId): Destination => ({ kind: "resource", id });

/** Tells destinations apart, and says which for people. */
export const destinationText = (destination: Destination): string =>
  destination.kind === "resource"
    ? resourceIdText(destination.id)
    : Object.keys(destination.tags).length === 1 && destination.tags[serviceTag] !== undefined
      ? destination.tags[serviceTag]
      : JSON.stringify(Object.entries(destination.tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
