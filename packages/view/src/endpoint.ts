import type { Tags } from "@atoll/policy";
import { serviceTag, withoutTags } from "./names.ts";
import { placeOf } from "./policies/load-balancing.ts";
import type { Locality, Place } from "./policies/load-balancing.ts";
import type { EndpointSetView, EndpointView } from "./proxy-view.ts";

/** One way to reach an instance (or, across zones, many instances) of a service. */
export interface Endpoint {
  address: string;
  port: number;
  /** All tags, the service's included. */
  tags: Tags;
  weight: number;
  /** `local`: the instance itself; `ingress`: another zone's ingress; `egress`: this zone's egress. */
  via: "local" | "ingress" | "egress";
  external: boolean;
  /**
   * Set for what exists and is not called now. `unready`: never, until it says otherwise. `gone`: its proxy's streams have all ended;
   * it is called only while nobody else serves, as it may be the xDS server that has lost sight of it.
   */
  away?: "unready" | "gone" | undefined;
}

/** Endpoints as facts: those of one service are read without the others. */
export interface EndpointsByService {
  get(service: string): readonly Endpoint[];
  /** Services that may have endpoints, sorted. */
  services(): readonly string[];
}

/** Endpoints that carry every tag of the cluster but the service's. */
export function endpointsWith(endpoints: readonly Endpoint[], clusterTags: Tags): Endpoint[] {
  const wanted = Object.entries(clusterTags).filter(([key]) => key !== serviceTag);
  return endpoints.filter(({ tags }) => wanted.every(([key, value]) => tags[key] === value));
}

/** Those that are called now. What a service is, and who may ask for it by which tags, is a question to all of them. */
export function serving(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const present = endpoints.filter(({ away }) => away === undefined);
  return present.length > 0 ? present : endpoints.filter(({ away }) => away === "gone");
}

/**
 * Groups the endpoints that serve by their places. Envoy keeps only the first of several endpoints with one address, so they are one here:
 * an ingress weighs as many instances as it has behind it over all tag sets, an egress weighs one.
 */
export function endpointSet(cluster: string, endpoints: readonly Endpoint[], locality: Locality): EndpointSetView {
  const groups = new Map<string, Place & { endpoints: Map<string, EndpointView> }>();
  const order = [...serving(endpoints)].sort((a, b) => compare(a.address, b.address) || a.port - b.port || compare(tagText(a), tagText(b)));
  for (const endpoint of order) {
    const place = placeOf(endpoint, locality);
    if (!place) continue;
    const { priority, zone = "", subZone = "" } = place;
    const key = `${String(priority).padStart(3, "0")}/${zone}/${subZone}`;
    const group = groups.get(key) ?? { ...place, endpoints: new Map<string, EndpointView>() };
    groups.set(key, group);
    const address = `${endpoint.address}:${endpoint.port}`;
    const same = group.endpoints.get(address);
    if (!same) group.endpoints.set(address, endpointView(endpoint));
    else if (endpoint.via === "ingress") same.weight = (same.weight ?? 0) + endpoint.weight;
  }
  const localities = [...groups.entries()]
    .sort(([a], [b]) => compare(a, b))
    .map(([, group]) => ({ ...group, endpoints: [...group.endpoints.values()] }));
  const { placement } = locality;
  if (placement?.weighted) weigh(localities);
  return { cluster, localities, ...(placement ? { overprovisioningPercent: placement.overprovisioningPercent } : {}) };
}

/** A ring or a table takes nobody from a place without a weight, where the weights of others count: it weighs what its endpoints do. */
function weigh(localities: EndpointSetView["localities"]): void {
  for (const place of localities) place.weight ??= place.endpoints.reduce((sum, { weight = 1 }) => sum + weight, 0);
}

function endpointView({ address, port, weight, tags }: Endpoint): EndpointView {
  const visible = withoutTags(tags, serviceTag);
  return { address, port, weight, ...(Object.keys(visible).length > 0 ? { tags: visible } : {}) };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const tagText = ({ tags }: Endpoint): string => JSON.stringify(withoutTags(tags));
