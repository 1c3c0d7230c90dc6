import { bool, kept, need, string, uint32, uint64, type Value } from "../schema/codec.ts";
import { list, map, message } from "../schema/message.ts";
import { sourcesAndDestinations, tagMap } from "./common.ts";

const split = message({ weight: need(kept(uint32)), destination: need(tagMap) });
export type TrafficRouteSplit = Value<typeof split>;

/** One of its members. */
const loadBalancer = message(
  {
    roundRobin: message({}),
    leastRequest: message({ choiceCount: uint32 }),
    ringHash: message({ hashFunction: need(string), minRingSize: uint64, maxRingSize: uint64 }),
    random: message({}),
    maglev: message({}),
  },
  [["roundRobin", "leastRequest", "ringHash", "random", "maglev"]],
);
export type TrafficRouteLoadBalancer = Value<typeof loadBalancer>;

/** One of its members. */
const stringMatcher = message({ prefix: kept(string), exact: kept(string), regex: kept(string) }, [["prefix", "exact", "regex"]]);
export type StringMatcher = Value<typeof stringMatcher>;

const regexReplace = message({ pattern: need(string), substitution: need(string) });
const headerChanges = message({
  add: list(message({ name: need(string), value: need(string), append: bool })),
  remove: list(message({ name: need(string) })),
});

const http = message({
  match: need(message({ method: stringMatcher, path: stringMatcher, headers: map(stringMatcher) })),
  modify: message({
    path: message({ rewritePrefix: kept(string), regex: regexReplace }, [["rewritePrefix", "regex"]]),
    host: message({ value: kept(string), fromPath: regexReplace }, [["value", "fromPath"]]),
    requestHeaders: headerChanges,
    responseHeaders: headerChanges,
  }),
  split: list(split),
  destination: tagMap,
});
export type TrafficRouteHttp = Value<typeof http>;

/** Either `split` or `destination`, in `conf` as in each of `conf.http`. */
export const trafficRouteSpec = message({
  ...sourcesAndDestinations,
  conf: need(message({ split: list(split), loadBalancer, destination: tagMap, http: list(http) })),
});
export type TrafficRouteSpec = Value<typeof trafficRouteSpec>;
