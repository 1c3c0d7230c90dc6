import type { MetadataSchema } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type { Tags } from "@atoll/view";
import type { Init } from "./init.ts";

type MetadataInit = Init<typeof MetadataSchema>;

/** What the subset load balancer compares. */
const loadBalancerFilter = "envoy.lb";
/** What chooses between the TLS settings of a cluster. */
const transportSocketFilter = "envoy.transport_socket_match";
/** Where tools look for the tags of a listener. */
const listenerTagsFilter = "io.kuma.tags";

/** The tags of an endpoint, where the subset load balancer and the choice of its TLS settings find them. */
export function endpointMetadata(tags: Tags | undefined): MetadataInit | undefined {
  if (!tags || Object.keys(tags).length === 0) return undefined;
  const sorted = sortedTags(tags);
  return { filterMetadata: { [loadBalancerFilter]: sorted, [transportSocketFilter]: sorted } };
}

/** The tags that an endpoint must carry to be chosen. */
export function metadataMatch(tags: Tags | undefined): MetadataInit | undefined {
  return tags && Object.keys(tags).length > 0 ? { filterMetadata: { [loadBalancerFilter]: sortedTags(tags) } } : undefined;
}

export function listenerMetadata(tags: Tags | undefined): MetadataInit | undefined {
  return tags && Object.keys(tags).length > 0 ? { filterMetadata: { [listenerTagsFilter]: sortedTags(tags) } } : undefined;
}

/** Maps are encoded in the order they were filled: sorting makes equal tags equal bytes. */
export function sortedTags(tags: Tags): Tags {
  return Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
