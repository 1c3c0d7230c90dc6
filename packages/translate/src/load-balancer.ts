import {
  Cluster_LbPolicy,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy,
  Cluster_RingHashLbConfig_HashFunction,
} from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { LoadBalancerView } from "@atoll/view";
import type { Init } from "./init.ts";

type ClusterInit = Init<typeof ClusterSchema>;

/** Envoy looks at so many hosts for each request, the same ones over and over where there are fewer: more would stop its threads. */
const mostChoices = 1_000;
/** A table of one slot makes Envoy divide by zero. */
const leastSlots = 2;

export function loadBalancer(view: LoadBalancerView | undefined): Pick<ClusterInit, "lbPolicy" | "lbConfig"> {
  switch (view?.type) {
    case undefined:
    case "roundRobin":
      return { lbPolicy: Cluster_LbPolicy.ROUND_ROBIN };
    case "random":
      return { lbPolicy: Cluster_LbPolicy.RANDOM };
    case "maglev":
      return {
        lbPolicy: Cluster_LbPolicy.MAGLEV,
        lbConfig:
          view.tableSize === undefined
            ? undefined
            : { case: "maglevLbConfig", value: { tableSize: BigInt(Math.max(view.tableSize, leastSlots)) } },
      };
    case "leastRequest": {
      const { activeRequestBias } = view;
      const choiceCount = view.choiceCount === undefined ? undefined : Math.min(view.choiceCount, mostChoices);
      const value = { choiceCount, activeRequestBias: activeRequestBias === undefined ? undefined : bias(activeRequestBias) };
      const said = choiceCount !== undefined || activeRequestBias !== undefined;
      return { lbPolicy: Cluster_LbPolicy.LEAST_REQUEST, lbConfig: said ? { case: "leastRequestLbConfig", value } : undefined };
    }
    case "ringHash":
      return {
        lbPolicy: Cluster_LbPolicy.RING_HASH,
        lbConfig: {
          case: "ringHashLbConfig",
          value: {
            hashFunction: Cluster_RingHashLbConfig_HashFunction[view.hashFunction],
            minimumRingSize: view.minRingSize === undefined ? undefined : BigInt(view.minRingSize),
            maximumRingSize: view.maxRingSize === undefined ? undefined : BigInt(view.maxRingSize),
          },
        },
      };
  }
}

/** Envoy refuses a number that the runtime may change without a name for it there. */
const bias = (defaultValue: number) => ({ defaultValue, runtimeKey: "upstream.least_request.active_request_bias" });

/**
 * Subsets of the endpoints by their tags. A route that asks for tags gets only endpoints that have them, or none; one that asks for
 * nothing gets any.
 */
export function subsets(keySets: readonly string[][] | undefined): ClusterInit["lbSubsetConfig"] {
  const selectors = (keySets ?? []).filter((keys) => keys.length > 0);
  if (selectors.length === 0) return undefined;
  return {
    fallbackPolicy: Cluster_LbSubsetConfig_LbSubsetFallbackPolicy.ANY_ENDPOINT,
    subsetSelectors: selectors.map((keys) => ({
      keys: [...keys].sort(),
      fallbackPolicy: Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy.NO_FALLBACK,
    })),
  };
}
