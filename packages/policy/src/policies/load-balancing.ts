import type { Question } from "../ask/question.ts";
import { milliseconds } from "../milliseconds.ts";

/** How an instance is chosen among those that are near enough. */
export type LoadBalancer =
  | { type: "roundRobin" }
  | { type: "leastRequest"; choiceCount?: number; activeRequestBias?: number }
  | { type: "ringHash"; hashFunction: "XX_HASH" | "MURMUR_HASH_2"; minRingSize?: number; maxRingSize?: number }
  | { type: "random" }
  | { type: "maglev"; tableSize?: number };

/** What of a request the hash is made of by which an instance is chosen. `terminal`: if it has one, those after it are not asked. */
export type HashPolicy = { terminal?: true } & (
  | { header: string }
  | { cookie: { name: string; path?: string; ttlMs?: number } }
  | { sourceIp: boolean }
  | { queryParameter: string }
  | { filterState: string }
);

/** Which other zones are called when too few instances before them are well; the first that has a zone decides. */
export interface Failover {
  /** Absent: from every zone. */
  from?: readonly string[];
  to: { type: "None" | "Any" } | { type: "Only" | "AnyExcept"; zones: readonly string[] };
}

/** Where instances are called first. */
export interface LocalityAwareness {
  /** True: those of all zones alike, whatever else is said. */
  disabled?: true;
  /** Tags by which instances of the own zone are near that have the caller's value. Weights against all others of the zone, which have 1. */
  affinity?: readonly { tag: string; weight: number }[];
  failover?: readonly Failover[];
  /** Percent of instances that must be well for none to be called in the places after theirs. */
  thresholdPercent?: number;
  /** False where nothing is said of places but that the own zone comes first. */
  placed: boolean;
}

export interface LoadBalancing {
  loadBalancer?: LoadBalancer;
  hashPolicies?: readonly HashPolicy[];
  locality: LocalityAwareness;
}

interface MeshHashPolicy {
  type: "Header" | "Cookie" | "Connection" | "SourceIP" | "QueryParameter" | "FilterState";
  terminal?: boolean;
  header?: { name: string };
  cookie?: { name: string; ttl?: string; path?: string };
  connection?: { sourceIP?: boolean };
  queryParameter?: { name: string };
  filterState?: { key: string };
}

interface MeshLoadBalancer {
  type: "RoundRobin" | "LeastRequest" | "RingHash" | "Random" | "Maglev";
  leastRequest?: { choiceCount?: number; activeRequestBias?: number | string };
  ringHash?: { hashFunction?: "XXHash" | "MurmurHash2"; minRingSize?: number; maxRingSize?: number; hashPolicies?: MeshHashPolicy[] };
  maglev?: { tableSize?: number; hashPolicies?: MeshHashPolicy[] };
}

interface MeshFailover {
  from?: { zones: string[] };
  to: { type: Failover["to"]["type"]; zones?: string[] };
}

interface MeshLocalityAwareness {
  disabled?: boolean;
  localZone?: { affinityTags?: { key: string; weight?: number }[] };
  crossZone?: { failover?: MeshFailover[]; failoverThreshold?: { percentage: number | string } };
}

interface MeshLoadBalancingStrategyConf {
  loadBalancer?: MeshLoadBalancer;
  localityAwareness?: MeshLocalityAwareness;
}

const given = <Field extends string>(fields: { [F in Field]: number | undefined }): { [F in Field]?: number } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [F in Field]?: number };

function fromMeshLoadBalancingStrategy({ loadBalancer, localityAwareness }: MeshLoadBalancingStrategyConf): LoadBalancing {
  const hashed =
    loadBalancer?.type === "RingHash" ? loadBalancer.ringHash : loadBalancer?.type === "Maglev" ? loadBalancer.maglev : undefined;
  const hashPolicies = (hashed?.hashPolicies ?? []).flatMap((one) => hashPolicy(one) ?? []);
  return {
    ...(loadBalancer ? { loadBalancer: balancer(loadBalancer) } : {}),
    ...(hashPolicies.length > 0 ? { hashPolicies } : {}),
    locality: locality(localityAwareness),
  };
}

function balancer({ type, leastRequest = {}, ringHash = {}, maglev = {} }: MeshLoadBalancer): LoadBalancer {
  switch (type) {
    case "RoundRobin":
      return { type: "roundRobin" };
    case "Random":
      return { type: "random" };
    case "LeastRequest": {
      const { choiceCount, activeRequestBias: bias } = leastRequest;
      return { type: "leastRequest", ...given({ choiceCount, activeRequestBias: bias === undefined ? undefined : Number(bias) }) };
    }
    case "RingHash": {
      const { hashFunction, minRingSize, maxRingSize } = ringHash;
      return {
        type: "ringHash",
        hashFunction: hashFunction === "MurmurHash2" ? "MURMUR_HASH_2" : "XX_HASH",
        ...given({ minRingSize, maxRingSize }),
      };
    }
    case "Maglev":
      return { type: "maglev", ...given({ tableSize: maglev.tableSize }) };
  }
}

/** undefined of one that does not say what it is made of. */
function hashPolicy({ type, terminal, header, cookie, connection, queryParameter, filterState }: MeshHashPolicy): HashPolicy | undefined {
  const end = terminal ? { terminal: true as const } : {};
  switch (type) {
    case "Header":
      return header && { header: header.name, ...end };
    case "Cookie": {
      if (!cookie) return undefined;
      const { name, path } = cookie;
      const ttlMs = milliseconds(cookie.ttl);
      return { cookie: { name, ...(path === undefined ? {} : { path }), ...given({ ttlMs }) }, ...end };
    }
    case "Connection":
      return { sourceIp: connection?.sourceIP ?? false, ...end };
    case "SourceIP":
      return { sourceIp: true, ...end };
    case "QueryParameter":
      return queryParameter && { queryParameter: queryParameter.name, ...end };
    case "FilterState":
      return filterState && { filterState: filterState.key, ...end };
  }
}

/** A tag without a weight gets nine of ten requests that the tags after it and all other instances of the zone have together. */
function locality({ disabled, localZone, crossZone }: MeshLocalityAwareness = {}): LocalityAwareness {
  if (disabled) return { disabled: true, placed: false };
  const tags = localZone?.affinityTags ?? [];
  const percent = Number(crossZone?.failoverThreshold?.percentage ?? 0);
  return {
    placed: localZone !== undefined || crossZone !== undefined,
    ...(tags.length > 0
      ? { affinity: tags.map(({ key, weight }, index) => ({ tag: key, weight: weight ?? 9 * 10 ** (tags.length - index - 1) })) }
      : {}),
    ...(crossZone?.failover ? { failover: crossZone.failover.map(failover) } : {}),
    ...(percent > 0 ? { thresholdPercent: percent } : {}),
  };
}

function failover({ from, to: { type, zones = [] } }: MeshFailover): Failover {
  return {
    ...(from ? { from: from.zones } : {}),
    to: type === "Only" || type === "AnyExcept" ? { type, zones } : { type },
  };
}

/** How requests are spread over the instances of a destination. Nothing said: as they come, and as the mesh says of zones. */
export const loadBalancing: Question<LoadBalancing> = {
  targeted: { type: "MeshLoadBalancingStrategy", conf: fromMeshLoadBalancingStrategy },
};
