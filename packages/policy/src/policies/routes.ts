import { label } from "@atoll/resource";
import type { MeshHttpRouteSpec, MeshTcpRouteSpec, Resource } from "@atoll/resource";
import type { Question } from "../ask/question.ts";
import { routeHash } from "../target/route-confs.ts";
import type { BackendOrigins, RuleOrigin } from "../target/rule-entry.ts";

type SpecRule = NonNullable<MeshHttpRouteSpec["to"]>[number]["rules"][number];

/** What requests of a rule are asked for; several matches are alternatives. */
export type HttpRouteMatch = SpecRule["matches"][number];
export type HttpRouteFilter = NonNullable<SpecRule["default"]["filters"]>[number];
/** Where a rule sends to. */
export type RouteBackend = NonNullable<SpecRule["default"]["backendRefs"]>[number];

/** Backends, and the policy that names them: a name means something of the policy's own zone and namespace. */
export interface RouteBackends {
  refs: readonly RouteBackend[];
  policy: Pick<Resource, "type" | "mesh" | "name" | "revision" | "labels">;
}

/** One rule of the routes towards a destination. */
export interface RouteRule {
  /** By which policies for a route know it. */
  hash: string;
  matches: readonly HttpRouteMatch[];
  filters: readonly HttpRouteFilter[];
  /** Absent: where the requests were going anyway. */
  backends?: RouteBackends;
  /** The policy that the rule is told to come from. */
  policy: RouteBackends["policy"];
}

export interface HttpRoutes {
  /** Of a gateway, the one name it is for; absent: all that the listener has. */
  hostname?: string;
  rules: readonly RouteRule[];
}

export interface TcpRoutes {
  /** Absent: where the connections were going anyway. */
  backends?: RouteBackends;
}

interface Sources {
  origins: readonly RuleOrigin[];
  backends: BackendOrigins;
}

function policyOf({ origins, backends }: Sources, rule: string): RouteBackends["policy"] {
  const { type, mesh, name, revision, labels = {} } = (origins[backends[rule] ?? origins.length - 1] ?? origins[0]!).policy;
  const kept = [label.zone, label.kubernetesNamespace]
    .filter((key) => labels[key] !== undefined)
    .map((key) => [key, labels[key]!] as const);
  return { type, mesh, name, revision, labels: Object.fromEntries(kept) };
}

function fromHttpRoutes({ rules, hostnames }: { rules: readonly SpecRule[]; hostnames?: string[] }, sources: Sources): HttpRoutes {
  return {
    ...(hostnames?.[0] === undefined ? {} : { hostname: hostnames[0] }),
    rules: rules.map(({ matches, default: { filters = [], backendRefs } }): RouteRule => {
      const hash = routeHash(matches);
      const policy = policyOf(sources, hash);
      return { hash, matches, filters, ...(backendRefs?.length ? { backends: { refs: backendRefs, policy } } : {}), policy };
    }),
  };
}

function fromTcpRoutes(conf: NonNullable<MeshTcpRouteSpec["to"]>[number]["rules"][number] | object, sources: Sources): TcpRoutes {
  const refs = "default" in conf ? conf.default.backendRefs : undefined;
  return refs?.length ? { backends: { refs, policy: policyOf(sources, "") } } : {};
}

/** Where HTTP requests to a destination go. */
export const httpRoutes: Question<HttpRoutes> = {
  targeted: {
    type: "MeshHTTPRoute",
    conf: (conf: { rules: SpecRule[]; hostnames?: string[] }, _mesh, sources) => fromHttpRoutes(conf, sources),
  },
};

/** Where TCP connections to a destination go. */
export const tcpRoutes: Question<TcpRoutes> = {
  targeted: { type: "MeshTCPRoute", conf: (conf: object, _mesh, sources) => fromTcpRoutes(conf, sources) },
};
