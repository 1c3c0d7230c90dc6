import { hash } from "node:crypto";
import type { AccessLogView, FilterChainView, ListenerView } from "./listener-view.ts";
import type { ClusterView, EndpointSetView, EndpointView } from "./cluster-view.ts";
import type { RouteConfigView, RouteView, VirtualHostView } from "./route-view.ts";
import type { ProxyModificationView, ProxyTemplateView } from "./proxy-view.ts";

/** What of a proxy's intent can be left out while the rest stands. `resource`: all of one Envoy resource. */
export type ElementKind =
  | "resource"
  | "virtualHost"
  | "route"
  | "action"
  | "mirror"
  | "hashPolicy"
  | "retry"
  | "rateLimit"
  | "fault"
  | "filterChain"
  | "accessLog"
  | "tracing"
  | "dnsName"
  | "endpoint"
  | "healthCheck"
  | "outlierDetection"
  | "circuitBreaker"
  | "loadBalancer"
  | "modification"
  | "templateResource";

/** One of them. Without it all that have it as their parent are left out, too. */
export interface ViewElement {
  /** The same for the same content in the same place, in whatever proxy. */
  id: string;
  parent: ViewElement | undefined;
  kind: ElementKind;
  /** What tells it from its like, for humans: a host, a path, an address; "" where there is only one. */
  name: string;
  /** What it is made of; by this its reasons are found. */
  part: object;
}

/** Says of each element whether it stays. Asked in the order of the view, and of what is inside only if what is around it stays. */
export type Keep = (element: ViewElement) => boolean;

type Visit = (parent: ViewElement | undefined, kind: ElementKind, name: string, part: object, content: unknown) => ViewElement | undefined;

const visitor =
  (keep: Keep): Visit =>
  (parent, kind, name, part, content) => {
    const digest = hash("sha1", JSON.stringify([kind, content]), "hex").slice(0, 12);
    const element = { id: `${parent === undefined ? "" : `${parent.id}/`}${kind}:${digest}`, parent, kind, name, part };
    return keep(element) ? element : undefined;
  };

/** The field if it is there and its element stays. */
function field<Name extends string, Part extends object>(
  visit: Visit,
  parent: ViewElement,
  kind: ElementKind,
  name: Name,
  part: Part | undefined,
): { [Key in Name]?: Part } {
  const stays = part !== undefined && visit(parent, kind, "", part, part) !== undefined;
  return (stays ? { [name]: part } : {}) as { [Key in Name]?: Part };
}

function list<Part extends object>(
  visit: Visit,
  parent: ViewElement,
  kind: ElementKind,
  parts: readonly Part[],
  name: (part: Part) => string = () => "",
): Part[] {
  return parts.filter((part) => visit(parent, kind, name(part), part, part) !== undefined);
}

/** What is left of a route configuration: one that a listener waits for is there at least by its name. */
export function keepRoutes(view: RouteConfigView, keep: Keep): RouteConfigView {
  const { virtualHosts, ...own } = view;
  const visit = visitor(keep);
  const root = visit(undefined, "resource", view.name, view, own);
  if (!root) return { name: view.name, virtualHosts: [] };
  return { ...own, virtualHosts: virtualHosts.flatMap((host) => keepHost(host, visit, root) ?? []) };
}

function keepHost(view: VirtualHostView, visit: Visit, parent: ViewElement): VirtualHostView | undefined {
  const { routes, retry, ...own } = view;
  const host = visit(parent, "virtualHost", view.name, view, own);
  return (
    host && {
      ...own,
      ...field(visit, host, "retry", "retry", retry),
      routes: routes.flatMap((route) => keepRoute(route, visit, host) ?? []),
    }
  );
}

/**
 * A route whose action is left out goes on to match, and answers 500: its requests must not end up with the route after it, which may be
 * meant for others.
 */
function keepRoute(view: RouteView, visit: Visit, parent: ViewElement): RouteView | undefined {
  const { name, match, action, retry, rateLimit, fault, ...rest } = view;
  const named = name === undefined ? {} : { name };
  const route = visit(parent, "route", Object.values(match.path).join(""), view, { name, match });
  if (!route) return undefined;
  const { mirrors, hashPolicies, ...own } = action.type === "forward" ? action : { ...action, mirrors: undefined, hashPolicies: undefined };
  const does = visit(route, "action", own.type, action, { own, rest });
  if (!does) return { ...named, match, action: { type: "directResponse", status: 500, body: "" } };
  const kept =
    own.type === "forward"
      ? {
          ...own,
          ...(mirrors && { mirrors: list(visit, does, "mirror", mirrors, ({ cluster }) => cluster) }),
          ...(hashPolicies && { hashPolicies: list(visit, does, "hashPolicy", hashPolicies) }),
        }
      : own;
  return {
    ...named,
    match,
    action: kept as RouteView["action"],
    ...rest,
    ...field(visit, does, "retry", "retry", retry),
    ...field(visit, does, "rateLimit", "rateLimit", rateLimit),
    ...field(visit, does, "fault", "fault", fault),
  };
}

/** What is left of a listener; undefined if nothing that Envoy would listen for. */
export function keepListener(view: ListenerView, keep: Keep): ListenerView | undefined {
  const { chains, dns, ...own } = view;
  const visit = visitor(keep);
  const root = visit(undefined, "resource", view.name, view, { own, ttlSeconds: dns?.ttlSeconds });
  if (!root) return undefined;
  const kept = chains.flatMap((chain) => keepChain(chain, visit, root) ?? []);
  if (chains.length > 0 && kept.length === 0) return undefined;
  return { ...own, ...(dns && { dns: { ...dns, domains: list(visit, root, "dnsName", dns.domains, ({ name }) => name) } }), chains: kept };
}

function keepChain(view: FilterChainView, visit: Visit, parent: ViewElement): FilterChainView | undefined {
  const { filter, ...own } = view;
  const name = view.name ?? view.match?.serverNames?.join(",") ?? "";
  if (filter.type === "directResponse") return visit(parent, "filterChain", name, view, view) && view;
  const logs = (chain: ViewElement, some: AccessLogView[] | undefined) =>
    some && { accessLogs: list(visit, chain, "accessLog", some, ({ path }) => path) };
  if (filter.type === "tcp") {
    const { accessLogs, ...ownFilter } = filter;
    const chain = visit(parent, "filterChain", name, view, { own, ownFilter });
    return chain && { ...own, filter: { ...ownFilter, ...logs(chain, accessLogs) } };
  }
  const { routes, accessLogs, tracing, faults, ...ownFilter } = filter;
  const chain = visit(parent, "filterChain", name, view, { own, ownFilter, rds: "rds" in routes ? routes.rds : "" });
  if (!chain) return undefined;
  const inline = "inline" in routes ? keepInline(routes.inline, visit, chain) : undefined;
  if ("inline" in routes && inline === undefined) return undefined;
  return {
    ...own,
    filter: {
      ...ownFilter,
      routes: inline === undefined ? routes : { inline },
      ...logs(chain, accessLogs),
      ...field(visit, chain, "tracing", "tracing", tracing),
      ...(faults && { faults: list(visit, chain, "fault", faults) }),
    },
  };
}

function keepInline(view: RouteConfigView, visit: Visit, chain: ViewElement): RouteConfigView | undefined {
  const { virtualHosts, ...own } = view;
  const root = visit(chain, "resource", view.name, view, own);
  return root && { ...own, virtualHosts: virtualHosts.flatMap((host) => keepHost(host, visit, root) ?? []) };
}

/** What is left of a cluster; undefined if nothing. */
export function keepCluster(view: ClusterView, keep: Keep): ClusterView | undefined {
  const { discovery, healthCheck, circuitBreaker, loadBalancer, ...own } = view;
  const visit = visitor(keep);
  const root = visit(undefined, "resource", view.name, view, { own, discovery: discovery.type });
  if (!root) return undefined;
  const { thresholds, outlier } = circuitBreaker ?? {};
  const breaker = {
    ...field(visit, root, "circuitBreaker", "thresholds", thresholds),
    ...field(visit, root, "outlierDetection", "outlier", outlier),
  };
  return {
    ...own,
    discovery:
      "endpoints" in discovery ? { ...discovery, endpoints: list(visit, root, "endpoint", discovery.endpoints, placeOf) } : discovery,
    ...field(visit, root, "healthCheck", "healthCheck", healthCheck),
    ...(circuitBreaker && { circuitBreaker: breaker }),
    ...field(visit, root, "loadBalancer", "loadBalancer", loadBalancer),
  };
}

/** What is left of a set of endpoints, maybe none. */
export function keepEndpoints(view: EndpointSetView, keep: Keep): EndpointSetView {
  const visit = visitor(keep);
  const root = visit(undefined, "resource", view.cluster, view, view.cluster);
  if (!root) return { cluster: view.cluster, localities: [] };
  const localities = view.localities.map((locality) => ({
    ...locality,
    endpoints: list(visit, root, "endpoint", locality.endpoints, placeOf),
  }));
  return { ...view, localities: localities.filter(({ endpoints }) => endpoints.length > 0) };
}

const placeOf = ({ address, port }: EndpointView): string => `${address}:${port}`;

/** Types of Envoy's that decide who may enter: without one of these a door would stand open, so they are never left out alone. */
const guards = /[._](?:rbac|ext_authz|ext_proc|jwt_authn|oauth2|basic_auth|api_key_auth|csrf|tls)[._]/;

/** What is left of changes in Envoy's own words. One that guards something stays with what it modifies, or goes with it. */
export function keepTemplate(view: ProxyTemplateView, keep: Keep): ProxyTemplateView {
  const visit = visitor(keep);
  const stays = (kind: ElementKind, name: string, part: object, content: object = part) =>
    guards.test(JSON.stringify(content)) || visit(undefined, kind, name, part, content) !== undefined;
  const kept = (list: string, modifications: readonly ProxyModificationView[]): ProxyModificationView[] =>
    modifications.filter((one) => {
      const { index, ...content } = one;
      return stays("modification", `${list}[${index}].${one.target}`, one, content);
    });
  return {
    ...view,
    ...(view.patches && { patches: kept("appendModifications", view.patches) }),
    resources: view.resources.filter((one, index) => stays("templateResource", `resources[${index}] ${one.name}`, one)),
    modifications: kept("modifications", view.modifications),
  };
}
