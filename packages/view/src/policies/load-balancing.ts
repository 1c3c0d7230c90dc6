import type { TrafficRouteLoadBalancer } from "@atoll/resource";
import type { LoadBalancerView } from "../proxy-view.ts";

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
