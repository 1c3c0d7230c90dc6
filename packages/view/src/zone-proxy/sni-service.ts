import type { Fact } from "@atoll/facts";
import { anyValue, EgressCaller, loadBalancing } from "@atoll/policy";
import type { Answer, LoadBalancing, Tags } from "@atoll/policy";
import { endpointSet } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { endpointSources } from "../endpoint-sources.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { clusterNames } from "../mesh-tls.ts";
import { serviceTag, sniFromTags, statName, zoneProxyClusterName } from "../names.ts";
import { localityOf } from "../policies/load-balancing.ts";
import { defaultConnectTimeoutMs } from "../policies/timeout.ts";
import type { ClusterView, EndpointSetView, FilterChainView, Tags as PlainTags } from "../proxy-view.ts";
import { meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import { destinationsOf, destinationSources, generalDestinations } from "./mesh-destinations.ts";

/** One service as a zone proxy passes it on: by SNI, without looking inside. */
export interface SniService {
  /** None if nobody serves the service. */
  chains: FilterChainView[];
  cluster: ClusterView;
  endpoints: Fact<EndpointSetView>;
}

type Role = "ingress" | "egress";

const endpointsFor = (context: MeshContext, service: string, role: Role): readonly Endpoint[] =>
  (role === "ingress" ? context.ingressEndpoints : context.remoteEndpoints).get(service);

const tagsOf = (endpoints: readonly Endpoint[]): Tags[] => endpoints.map(({ tags }) => tags);

/** Endpoints that come or go leave the chains and the cluster as they are, so each part is a fact of its own. */
export function sniService(context: MeshContext, service: string, role: Role): SniService {
  const { memo } = context;
  const whole = () => memo.share(`${role}/${service}`, () => makeSniService(context, service, role));
  const shape = memo.share(`${role}-shape/${service}`, () => ({ chains: whole().chains, cluster: whole().cluster }));
  return { ...shape, endpoints: memo.fact(`${role}-endpoints/${service}`, () => whole().endpoints) };
}

function makeSniService(
  context: MeshContext,
  service: string,
  role: Role,
): { chains: FilterChainView[]; cluster: ClusterView; endpoints: EndpointSetView } {
  const name = zoneProxyClusterName(context.name, service);
  const endpoints = endpointsFor(context, service, role);
  const destinations = endpoints.length === 0 ? [] : destinationsOf(context, service, tagsOf(endpoints));
  const bySni = new Map<string, { chain: FilterChainView; subset: PlainTags }>();
  let marked = endpoints;
  for (const tags of destinations) {
    const sni = sniFromTags(tags, context.name);
    if (bySni.has(sni)) continue;
    let subset = distinguishing(tags, endpoints);
    if (mixed(tags, endpoints) && addressesOf(matching(tags, endpoints)).size < addressesOf(endpoints).size) {
      subset = { [sni]: markValue };
      marked = mark(marked, tags, subset);
    }
    bySni.set(sni, { chain: sniChain(sni, name, subset), subset });
  }
  const subsetKeys = keySets([...[...bySni.values()].map(({ subset }) => subset), ...generalDestinations(context)]);
  return {
    chains: [...bySni].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { chain }]) => chain),
    cluster: {
      ...clusterNames(name),
      discovery: { type: "eds" },
      connectTimeoutMs: defaultConnectTimeoutMs,
      ...(subsetKeys.length > 0 ? { subsetKeys } : {}),
    },
    endpoints: endpointSet(
      name,
      marked,
      role === "egress" ? localityOf(balancingOf(context, service).conf, context.locality, []) : context.locality,
    ),
  };
}

/** An egress chooses among zones for all who call. */
const balancingOf = (context: MeshContext, service: string): Answer<LoadBalancing> =>
  new EgressCaller(context).towards(loadBalancing, { kind: "service", tags: { [serviceTag]: service } });

/** Who serves a service that is passed on by SNI, and which resources name it as a destination. */
export function sniReasons(contexts: MeshContexts, context: MeshContext, service: string, role: Role): Reasons {
  const endpoints = endpointsFor(context, service, role);
  return {
    from: [
      ...endpointSources(contexts, context, endpoints),
      ...destinationSources(context, service, tagsOf(endpoints)).map((one) => refOf(one)),
      refOf(context.mesh, meshSection(context)),
    ],
    policies: role === "egress" ? balancingOf(context, service).account() : [],
  };
}

const sniChain = (sni: string, cluster: string, subset: PlainTags): FilterChainView => ({
  match: { transportProtocol: "tls", serverNames: [sni] },
  filter: {
    type: "tcp",
    statPrefix: statName(cluster),
    clusters: [{ name: cluster, weight: 1, ...(Object.keys(subset).length > 0 ? { metadataMatch: subset } : {}) }],
  },
});

const addressOf = ({ address, port }: Endpoint): string => `${address}:${port}`;

/**
 * Tags of a destination that rule some address out. The others must not select a subset: Envoy keeps one endpoint of an address
 * that has many tag sets behind it, and the rest of the way sees the full SNI anyway.
 */
function distinguishing(destination: Tags, endpoints: readonly Endpoint[]): PlainTags {
  const all = new Set(endpoints.map(addressOf)).size;
  const chosen: PlainTags = {};
  for (const [key, value] of wantedTags(destination).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const matching = new Set(endpoints.filter(({ tags }) => tags[key] === value).map(addressOf)).size;
    if (matching < all) chosen[key] = value;
  }
  return chosen;
}

const markValue = "yes";

const wantedTags = (destination: Tags): [string, string][] =>
  Object.entries(destination).filter(([key, value]) => key !== serviceTag && value !== anyValue);

/** True if one address stands for tag sets that differ in what the destination asks for: then no one of them speaks for it. */
function mixed(destination: Tags, endpoints: readonly Endpoint[]): boolean {
  const seen = new Map<string, string>();
  return endpoints.some((endpoint) => {
    const values = JSON.stringify(wantedTags(destination).map(([key]) => endpoint.tags[key] ?? null));
    const before = seen.get(addressOf(endpoint)) ?? values;
    seen.set(addressOf(endpoint), values);
    return before !== values;
  });
}

const matching = (destination: Tags, endpoints: readonly Endpoint[]): Endpoint[] => {
  const wanted = wantedTags(destination);
  return endpoints.filter(({ tags }) => wanted.every(([key, value]) => tags[key] === value));
};

const addressesOf = (endpoints: readonly Endpoint[]): Set<string> => new Set(endpoints.map(addressOf));

/** Marks every address behind which something matches the destination, so that the mark selects it and not a tag. */
function mark(endpoints: readonly Endpoint[], destination: Tags, subset: PlainTags): Endpoint[] {
  const addresses = addressesOf(matching(destination, endpoints));
  return endpoints.map((endpoint) =>
    addresses.has(addressOf(endpoint)) ? { ...endpoint, tags: { ...endpoint.tags, ...subset } } : endpoint,
  );
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
