import { anyValue } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import { endpointSet } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import type { MeshContext } from "../mesh-context.ts";
import { clusterNames } from "../mesh-tls.ts";
import { serviceTag, sniFromTags, statName, zoneProxyClusterName } from "../names.ts";
import { defaultConnectTimeoutMs } from "../policies/timeout.ts";
import type { ClusterView, EndpointSetView, FilterChainView, Tags as PlainTags } from "../proxy-view.ts";
import type { MeshDestinations } from "./mesh-destinations.ts";

/** One service as a zone proxy passes it on: by SNI, without looking inside. */
export interface SniService {
  chains: FilterChainView[];
  cluster: ClusterView;
  endpoints: EndpointSetView;
}

export function sniService(
  context: MeshContext,
  service: string,
  endpoints: readonly Endpoint[],
  destinations: MeshDestinations,
  role: "ingress" | "egress",
): SniService {
  const name = zoneProxyClusterName(context.name, service);
  return context.memo.share(`${role}/${name}`, () => {
    const bySni = new Map<string, { chain: FilterChainView; subset: PlainTags }>();
    for (const tags of destinations.of(service)) {
      const sni = sniFromTags(tags, context.name);
      if (bySni.has(sni)) continue;
      const subset = distinguishing(tags, endpoints);
      bySni.set(sni, { chain: sniChain(sni, name, subset), subset });
    }
    const subsetKeys = keySets([...[...bySni.values()].map(({ subset }) => subset), ...destinations.general]);
    return {
      chains: [...bySni].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { chain }]) => chain),
      cluster: {
        ...clusterNames(name),
        discovery: { type: "eds" },
        connectTimeoutMs: defaultConnectTimeoutMs,
        ...(subsetKeys.length > 0 ? { subsetKeys } : {}),
      },
      endpoints: endpointSet(name, endpoints, context.locality),
    };
  });
}

const sniChain = (sni: string, cluster: string, subset: PlainTags): FilterChainView => ({
  match: { transportProtocol: "tls", serverNames: [sni] },
  filter: {
    type: "tcp",
    statPrefix: statName(cluster),
    clusters: [{ name: cluster, weight: 1, ...(Object.keys(subset).length > 0 ? { metadataMatch: subset } : {}) }],
  },
});

/**
 * Tags of a destination that rule some address out. The others must not select a subset: Envoy keeps one endpoint of an address
 * that has many tag sets behind it, and the rest of the way sees the full SNI anyway.
 */
function distinguishing(destination: Tags, endpoints: readonly Endpoint[]): PlainTags {
  const addressOf = ({ address, port }: Endpoint): string => `${address}:${port}`;
  const all = new Set(endpoints.map(addressOf)).size;
  const chosen: PlainTags = {};
  for (const [key, value] of Object.entries(destination).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key === serviceTag || value === anyValue) continue;
    const matching = new Set(endpoints.filter(({ tags }) => tags[key] === value).map(addressOf)).size;
    if (matching < all) chosen[key] = value;
  }
  return chosen;
}

/** Each distinct non-empty set of keys, the service's left out, sorted. */
function keySets(tagSets: readonly Tags[]): string[][] {
  const sets = new Map<string, string[]>();
  for (const tags of tagSets) {
    const keys = Object.keys(tags)
      .filter((key) => key !== serviceTag)
      .sort();
    if (keys.length > 0) sets.set(keys.join(), keys);
  }
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, keys]) => keys);
}
