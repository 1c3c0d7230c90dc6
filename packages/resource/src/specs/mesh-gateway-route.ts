import { bool, double, enumeration, kept, need, string, uint32, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { protoName, selectors, tagMap } from "./common.ts";
import { httpMethod } from "./http-method.ts";

const matchEnum = <const N extends string>(parent: string, names: readonly N[]) =>
  enumeration(protoName(`MeshGatewayRoute.HttpRoute.Match.${parent}.MatchType`), names);

const match = message({
  /** `match` absent = EXACT. */
  path: message({ match: matchEnum("Path", ["EXACT", "PREFIX", "REGEX"]), value: need(string) }),
  method: httpMethod,
  headers: list(message({ match: matchEnum("Header", ["EXACT", "REGEX", "ABSENT", "PRESENT"]), name: need(string), value: string })),
  queryParameters: list(message({ match: matchEnum("Query", ["EXACT", "REGEX"]), name: need(string), value: need(string) })),
});
export type GatewayRouteMatch = Value<typeof match>;

const backend = message({
  /** Absent = 0. */
  weight: uint32,
  destination: need(tagMap),
});
export type GatewayRouteBackend = Value<typeof backend>;

const headers = list(message({ name: need(string), value: need(string) }));
const headerFilter = message({ set: headers, add: headers, remove: list(string) });

const rewrite = message({ replaceFull: kept(string), replacePrefixMatch: kept(string), hostToBackendHostname: bool }, [
  ["replaceFull", "replacePrefixMatch"],
]);

/** One of its members. */
const filter = message(
  {
    requestHeader: headerFilter,
    mirror: message({ backend: need(backend), percentage: need(kept(double)) }),
    redirect: message({ scheme: string, hostname: string, port: uint32, statusCode: need(uint32), path: rewrite }),
    rewrite,
    responseHeader: headerFilter,
  },
  [["requestHeader", "mirror", "redirect", "rewrite", "responseHeader"]],
);
export type GatewayRouteFilter = Value<typeof filter>;

const rule = message({ matches: need(list(match)), filters: list(filter), backends: list(backend) });
export type GatewayRouteRule = Value<typeof rule>;

export const meshGatewayRouteSpec = message({
  selectors: need(selectors),
  /** One of its members. */
  conf: need(
    message(
      {
        tcp: message({ rules: list(message({ backends: list(backend) })) }),
        http: message({ hostnames: list(string), rules: need(list(rule)) }),
      },
      [["tcp", "http"]],
    ),
  ),
});
export type MeshGatewayRouteSpec = Value<typeof meshGatewayRouteSpec>;
