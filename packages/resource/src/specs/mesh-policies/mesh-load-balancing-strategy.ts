import { z } from "zod";
import { count, duration, integerOrText, outboundPolicy, shape } from "./common.ts";

const name = z.string().min(1);
const hashPolicies = z.array(
  shape({
    type: z.enum(["Header", "Cookie", "Connection", "SourceIP", "QueryParameter", "FilterState"]),
    terminal: z.boolean().optional(),
    header: shape({ name }).optional(),
    cookie: shape({ name, ttl: duration.optional(), path: z.string().optional() }).optional(),
    connection: shape({ sourceIP: z.boolean().optional() }).optional(),
    queryParameter: shape({ name }).optional(),
    filterState: shape({ key: name }).optional(),
  }),
);
const ringSize = count.min(1).max(8_000_000);

const balancing = shape({
  loadBalancer: shape({
    type: z.enum(["RoundRobin", "LeastRequest", "RingHash", "Random", "Maglev"]),
    leastRequest: shape({ choiceCount: count.min(2).optional(), activeRequestBias: integerOrText.optional() }).optional(),
    ringHash: shape({
      hashFunction: z.enum(["XXHash", "MurmurHash2"]).optional(),
      minRingSize: ringSize.optional(),
      maxRingSize: ringSize.optional(),
      hashPolicies: hashPolicies.optional(),
    }).optional(),
    maglev: shape({ tableSize: count.min(1).max(5_000_011).optional(), hashPolicies: hashPolicies.optional() }).optional(),
    random: shape({}).optional(),
    roundRobin: shape({}).optional(),
  }).optional(),
  localityAwareness: shape({
    disabled: z.boolean().optional(),
    localZone: shape({ affinityTags: z.array(shape({ key: z.string(), weight: count.optional() })).optional() }).optional(),
    crossZone: shape({
      failover: z
        .array(
          shape({
            from: shape({ zones: z.array(z.string()) }).optional(),
            to: shape({ type: z.enum(["None", "Only", "Any", "AnyExcept"]), zones: z.array(z.string()).optional() }),
          }),
        )
        .optional(),
      failoverThreshold: shape({ percentage: integerOrText }).optional(),
    }).optional(),
  }).optional(),
});

export const meshLoadBalancingStrategySchema = outboundPolicy(balancing.optional());
export type MeshLoadBalancingStrategySpec = z.infer<typeof meshLoadBalancingStrategySchema>;
