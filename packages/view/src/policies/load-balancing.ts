import { createHash } from "node:crypto";
import type { Failover, HashPolicy, LoadBalancing, LocalityAwareness } from "@atoll/policy";
import type { TrafficRouteLoadBalancer } from "@atoll/resource";
import type { Endpoint } from "../endpoint.ts";
import { zoneTag } from "../names.ts";
import { optional } from "../optional.ts";
import type { ClusterView, EndpointSetView, LoadBalancerView } from "../proxy-view.ts";
import type { Tags } from "../tags.ts";

export function loadBalancerView(conf: TrafficRouteLoadBalancer | undefined): LoadBalancerView | undefined {
  if (conf?.leastRequest) {
    const { choiceCount } = conf.leastRequest;
    return { type: "leastRequest", ...(choiceCount ? { choiceCount } : {}) };
  }
  if (conf?.ringHash) {
    const { hashFunction, minRingSize, maxRingSize } = conf.ringHash;
    return {
      type: "ringHash",
      hashFunction: hashFunction === "MURMUR_HASH_2" ? "MURMUR_HASH_2" : "XX_HASH",
      ...(minRingSize ? { minRingSize: Number(minRingSize) } : {}),
      ...(maxRingSize ? { maxRingSize: Number(maxRingSize) } : {}),
    };
  }
  if (conf?.random) return { type: "random" };
  if (conf?.maglev) return { type: "maglev" };
  if (conf?.roundRobin) return { type: "roundRobin" };
  return undefined;
}

/** How a cluster balances; `otherwise` where nothing is said of it. */
export const balancingView = (
  said: LoadBalancing | undefined,
  otherwise?: LoadBalancerView,
): Pick<ClusterView, "loadBalancer" | "localityWeighted"> => ({
  ...optional("loadBalancer", said?.loadBalancer ?? otherwise),
  ...(said?.locality.affinity ? { localityWeighted: true } : {}),
});

/** What of a connection, where nobody looks for requests in it, its instance is chosen by. */
export const connectionHash = (policies: readonly HashPolicy[] | undefined): HashPolicy | undefined =>
  policies?.find((one) => "filterState" in one || ("sourceIp" in one && one.sourceIp));

/** Where a proxy is, and which endpoints it calls first. Equal JSON where the endpoint sets are. */
export interface Locality {
  /** The zone of the proxy; endpoints elsewhere get priority 1 when `aware`. */
  zone: string;
  aware: boolean;
  /** Instead of that. */
  placement?: Placement;
}

export interface Placement {
  /** Endpoints of the own zone with the tag are a place of their own; the first that an endpoint has counts. */
  near: { tag: string; value: string; weight: number }[];
  /** Whether the weights of places count. */
  weighted: boolean;
  /** The first that takes a zone decides; a zone that none takes is not called. */
  failover: { to: Failover["to"]; priority: number }[];
  /** What all other zones are called, where an egress stands for them and chooses. */
  throughEgress: string;
  /** How far the load of the well endpoints of a place may exceed their share before the next place gets some, in percent. */
  overprovisioningPercent: number;
}

const defaultOverprovisioningPercent = 200;

/** Where a proxy with these tag sets is, and what is said of the places of a destination. */
export function localityOf(said: LoadBalancing | undefined, mesh: Locality, sources: readonly Tags[]): Locality {
  if (!said) return mesh;
  const { zone } = mesh;
  const { disabled, placed } = said.locality;
  if (!placed) return { zone, aware: !disabled };
  return { zone, aware: true, placement: placement(said.locality, zone, sources) };
}

function placement(
  { affinity = [], failover = [], thresholdPercent }: LocalityAwareness,
  zone: string,
  sources: readonly Tags[],
): Placement {
  const near = affinity.flatMap(({ tag, weight }) => {
    const [value] = sources.flatMap((tags) => tags[tag] ?? []).sort();
    return value === undefined ? [] : [{ tag, value, weight }];
  });
  const applying = failover
    .map(({ from, to }, index) => ({ from, to, priority: index + 1 }))
    .filter(({ from, to }) => to.type !== "None" && (from === undefined || from.includes(zone)))
    .map(({ to, priority }) => ({ to, priority }));
  return {
    near,
    weighted: affinity.length > 0,
    failover: applying,
    throughEgress: egressName(applying),
    overprovisioningPercent:
      thresholdPercent === undefined ? defaultOverprovisioningPercent : Math.max(1, Math.trunc(10_000 / thresholdPercent)),
  };
}

/** As clients of Kuma 2.10 know it, in statistics: it differs where the zones behind it do. */
function egressName(failover: Placement["failover"]): string {
  const text = failover.map(({ to, priority }) => {
    const zones = "zones" in to ? [...new Set(to.zones)].sort().join(",") : "";
    return `${priority}:${to.type === "Only" ? zones : to.type === "Any" ? "Any" : `AnyExcept:${zones}`};`;
  });
  return `egress_${createHash("sha256").update(text.join("")).digest("base64").slice(0, 8)}`;
}

export type Place = Omit<EndpointSetView["localities"][number], "endpoints">;

/** The place of an endpoint among the others; undefined of one that is not called. */
export function placeOf({ tags, via }: Pick<Endpoint, "tags" | "via">, { zone: own, aware, placement }: Locality): Place | undefined {
  const zone = tags[zoneTag];
  if (!placement) return { ...optional("zone", zone), priority: aware && zone !== undefined && zone !== own ? 1 : 0 };
  if (zone === own || (zone === undefined && via === "local")) {
    const near = placement.near.find(({ tag, value }) => tags[tag] === value);
    return { zone: own, ...(near ? { subZone: `${near.tag}=${near.value}` } : {}), weight: near?.weight ?? 1, priority: 0 };
  }
  if (via === "egress") return { zone: placement.throughEgress, priority: 1 };
  const found = placement.failover.find(({ to }) => takes(to, zone ?? ""));
  return found && { ...optional("zone", zone), priority: found.priority };
}

const takes = (to: Failover["to"], zone: string): boolean =>
  to.type === "Any" || ("zones" in to && to.zones.includes(zone) === (to.type === "Only"));
