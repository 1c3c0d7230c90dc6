import type { RouteBackend, RouteBackends, Tags } from "@atoll/policy";
import type { GatewayRouteFilter, GatewayRouteMatch, GatewayRouteRule } from "@atoll/resource";
import { canonicalHeader } from "./header-name.ts";
import { hostnamesOf } from "./host.ts";
import type { GatewayHost, GatewayRoute } from "./host.ts";
import { anyHost, servesHost } from "./hostname.ts";
import { serviceTag, unresolvedBackend } from "../names.ts";
import type { HeaderOpsView, HeaderValue, RouteMatchView } from "../proxy-view.ts";
import type { ResourceRef } from "../reasons.ts";
import { nameOf } from "../routes/called.ts";
import type { Called } from "../routes/called.ts";
import { meshRoutes } from "../routes/mesh-http-route.ts";
import type { MeshRoute } from "../routes/mesh-http-route.ts";
import type { PathChange } from "../routes/route-filters.ts";
import type { RealTarget } from "../services/real-service.ts";

export type ResolveBackend = (ref: RouteBackend) => Called;

export interface Backend {
  /** Of a service that is a resource, the service by the name of its cluster. */
  destination: Tags;
  target?: RealTarget;
  weight: number;
}

type Redirect = NonNullable<GatewayRouteFilter["redirect"]>;

/** One route of a virtual host before it has clusters and policies. */
export interface RouteEntry {
  /** The policy with a targetRef that it comes from. */
  ref?: ResourceRef;
  /** By which policies for a route know it. */
  hash?: string;
  /** Name of the MeshGatewayRoute, or of that policy. */
  route: string;
  /** Index of its rule there. */
  rule: number;
  /** The resource and rule it comes from. */
  name: string;
  match: RouteMatchView;
  backends: Backend[];
  redirect?: Omit<Redirect, "path">;
  path?: PathChange;
  autoHost?: boolean;
  hostLiteral?: string;
  mirrors: (Pick<Backend, "destination" | "target"> & { percent: number })[];
  requestHeaders: Required<HeaderOpsView>;
  responseHeaders: Required<HeaderOpsView>;
}

const tagsOf = (destination: Tags | undefined): Tags => destination ?? {};

/** True if an attached route's hostnames let it have a say on the host. */
export const servesHostOf = (route: GatewayRoute, { hostname }: GatewayHost): boolean =>
  hostname === anyHost || servesHost(hostnamesOf(route), hostname);

/** Every HTTP route of a host, unsorted, in the order of resources and rules. `resolve`: what a backend of a route with a targetRef is. */
export function routeEntries(host: GatewayHost, resolve: ResolveBackend): RouteEntry[] {
  if (host.steered)
    return host.steered.http.flatMap(({ conf }) => (conf ? meshRoutes(conf) : [])).map((route) => steeredEntry(route, resolve));
  const attached = host.routes.filter((route) => servesHostOf(route, host));
  const matched = attached.flatMap(({ name, spec }) =>
    (spec.conf.http?.rules ?? []).flatMap((rule, index) => httpEntries(name, rule, index)),
  );
  const exactPaths = new Set(matched.flatMap(({ match }) => ("exact" in match.path ? [match.path.exact] : [])));
  return matched.flatMap((entry) => bySegment(entry, exactPaths));
}

function steeredEntry({ rule, match, backends, redirect, mirrors, ...effects }: MeshRoute, resolve: ResolveBackend): RouteEntry {
  const { path, autoHost, hostLiteral, requestHeaders, responseHeaders } = effects;
  const { type, mesh, name, revision } = rule.policy;
  return {
    ref: { type, mesh, name, revision, section: `rule ${rule.hash}` },
    hash: rule.hash,
    route: name,
    rule: 0,
    name: rule.hash,
    match,
    backends: steeredBackends(backends, resolve),
    ...(redirect ? { redirect } : {}),
    ...(path ? { path } : {}),
    ...(autoHost ? { autoHost } : {}),
    ...(hostLiteral === undefined ? {} : { hostLiteral }),
    mirrors: mirrors.map(({ ref, percent }) => ({ ...backendOf(ref, resolve), percent })),
    requestHeaders,
    responseHeaders,
  };
}

const steeredBackends = (backends: RouteBackends | undefined, resolve: ResolveBackend): Backend[] =>
  (backends?.refs ?? []).filter(({ weight }) => weight > 0).map((ref) => ({ ...backendOf(ref, resolve), weight: ref.weight }));

/** One that is not there keeps its share, which is answered 500. */
function backendOf(ref: RouteBackend, resolve: ResolveBackend): Pick<Backend, "destination" | "target"> {
  const called = resolve(ref);
  return called.kind === "service"
    ? { destination: called.tags }
    : { destination: { [serviceTag]: nameOf(called) }, target: called.target };
}

/** Backends of every TCP route of a host: nothing tells one rule's connections from another's. */
export function tcpBackends(host: GatewayHost, resolve: ResolveBackend): Backend[] {
  if (!host.steered) return routedBackends(host);
  const all = host.steered.tcp.flatMap(({ conf }) => steeredBackends(conf?.backends, resolve));
  return all.filter(({ destination }) => destination[serviceTag] !== unresolvedBackend);
}

const routedBackends = (host: GatewayHost): Backend[] =>
  host.routes.flatMap(({ spec }) => (spec.conf.tcp?.rules ?? []).flatMap(backendsOf));

const emptyEntry = (route: string, index: number): RouteEntry => ({
  route,
  rule: index,
  name: `MeshGatewayRoute ${route} rule ${index}`,
  match: { path: { prefix: "/" } },
  backends: [],
  mirrors: [],
  requestHeaders: { set: [], add: [], remove: [] },
  responseHeaders: { set: [], add: [], remove: [] },
});

const backendsOf = ({ backends }: Pick<GatewayRouteRule, "backends">): Backend[] =>
  (backends ?? []).map(({ destination, weight }) => ({ destination: tagsOf(destination), weight: weight ?? 0 }));

function httpEntries(route: string, rule: GatewayRouteRule, index: number): RouteEntry[] {
  const entry: RouteEntry = { ...emptyEntry(route, index), backends: backendsOf(rule) };
  for (const filter of rule.filters ?? []) applyFilter(entry, filter);
  return (rule.matches ?? []).map((match) => ({ ...entry, match: matchView(match) }));
}

/** Header filters of a rule add up; of the others the last one counts. */
function applyFilter(entry: RouteEntry, { requestHeader, responseHeader, mirror, redirect, rewrite }: GatewayRouteFilter): void {
  if (redirect) {
    const { path, ...target } = redirect;
    entry.redirect = target;
    if (path) entry.path = { full: path.replaceFull, prefix: path.replacePrefixMatch };
  } else if (mirror) {
    entry.mirrors = [{ destination: tagsOf(mirror.backend.destination), percent: mirror.percentage ?? 0 }];
  } else if (rewrite) {
    entry.path = { full: rewrite.replaceFull, prefix: rewrite.replacePrefixMatch };
    entry.autoHost = rewrite.hostToBackendHostname ?? false;
  } else if (requestHeader) {
    const host = (requestHeader.set ?? []).findLast(isHost);
    if (host) entry.hostLiteral = host.value;
    entry.requestHeaders = addOps(entry.requestHeaders, {
      ...requestHeader,
      set: (requestHeader.set ?? []).filter((header) => !isHost(header)),
    });
  } else if (responseHeader) {
    entry.responseHeaders = addOps(entry.responseHeaders, responseHeader);
  }
}

const isHost = ({ name }: HeaderValue): boolean => name === ":authority" || name.toLowerCase() === "host";

function addOps(ops: Required<HeaderOpsView>, { set, add, remove }: HeaderOpsView): Required<HeaderOpsView> {
  const named = (headers: HeaderValue[] | undefined): HeaderValue[] =>
    (headers ?? []).map(({ name, value }) => ({ name: canonicalHeader(name), value }));
  return { set: [...ops.set, ...named(set)], add: [...ops.add, ...named(add)], remove: [...ops.remove, ...(remove ?? [])] };
}

function matchView({ path, method, headers, queryParameters }: GatewayRouteMatch): RouteMatchView {
  const value = path?.value ?? "";
  const at: RouteMatchView["path"] = !path
    ? { prefix: "/" }
    : path.match === "PREFIX"
      ? { prefix: value }
      : path.match === "REGEX"
        ? { regex: value }
        : { exact: value };
  const wanted = (headers ?? []).map((header) => {
    const { name } = header;
    if (header.match === "REGEX") return { name, regex: header.value ?? "" };
    if (header.match === "PRESENT") return { name, present: true };
    if (header.match === "ABSENT") return { name, present: false };
    return { name, exact: header.value ?? "" };
  });
  if (method && method !== "NONE") wanted.unshift({ name: ":method", exact: method });
  const query = (queryParameters ?? []).map((parameter) =>
    parameter.match === "REGEX" ? { name: parameter.name, regex: parameter.value } : { name: parameter.name, exact: parameter.value },
  );
  return { path: at, ...(wanted.length > 0 ? { headers: wanted } : {}), ...(query.length > 0 ? { query } : {}) };
}

const withoutSlashes = (path: string): string => path.replace(/\/+$/, "");

/**
 * A prefix matches whole path segments: `/p` becomes the prefix `/p/` and the exact path `/p`, the latter only if no other
 * route of the host has that exact path, whatever else it asks for.
 */
function bySegment(entry: RouteEntry, exactPaths: ReadonlySet<string>): RouteEntry[] {
  const { path } = entry.match;
  if (!("prefix" in path)) return [entry];
  const segment = withoutSlashes(path.prefix);
  const exact = segment === "" ? "/" : segment;
  const replacement = entry.path?.prefix === undefined ? undefined : withoutSlashes(entry.path.prefix);
  const below: RouteEntry = { ...entry, match: { ...entry.match, path: { prefix: `${segment}/` } } };
  if (replacement !== undefined) below.path = { prefix: `${replacement}/` };
  if (exactPaths.has(exact)) return [below];
  const at: RouteEntry = { ...entry, match: { ...entry.match, path: { exact } } };
  if (replacement !== undefined) at.path = { full: replacement === "" ? "/" : replacement };
  return [below, at];
}
