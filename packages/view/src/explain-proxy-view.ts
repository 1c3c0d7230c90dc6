import type { PolicyChoice } from "@atoll/policy";
import { envoyChanges, ProxyPolicies } from "@atoll/policy";
import { hostAndPort } from "@atoll/resource";
import { buildProxyView } from "./build-proxy-view.ts";
import { isBuiltinGateway } from "./dataplane.ts";
import { MeshContexts } from "./mesh-contexts.ts";
import type { ProxyRef } from "./proxy-ref.ts";
import type { FilterChainView, ListenerView, ProxyKind, RouteConfigView, RouteView, ViewProblem, VirtualHostView } from "./proxy-view.ts";

import type { Reasons, ResourceRef } from "./reasons.ts";
import { ViewBuilder } from "./view-builder.ts";

/** What made every part of a proxy's view what it is. */
export interface ProxyExplanation {
  kind: ProxyKind;
  mesh: string;
  name: string;
  zone: string;
  /** What acts on the proxy as a whole, after everything else. */
  policies: PolicyChoice[];
  listeners: ListenerExplanation[];
  routes: RouteConfigExplanation[];
  clusters: ({ name: string; endpoints: string[] } & Reasons)[];
  problems: ViewProblem[];
}

export interface ListenerExplanation extends Reasons {
  name: string;
  address: string;
  port: number;
  /** Filter chains that have reasons of their own, by the server names they are for. */
  chains: ({ serverNames: string[] } & Reasons)[];
}

export interface RouteConfigExplanation {
  name: string;
  virtualHosts: ({ name: string; domains: string[]; routes: RouteExplanation[] } & Reasons)[];
}

export interface RouteExplanation extends Reasons {
  match: RouteView["match"];
  /** What is done with a request: `forward`, `redirect` or `directResponse`. */
  action: RouteView["action"]["type"];
  /** Clusters with their weights; empty unless forwarded. */
  clusters: { name: string; weight: number }[];
}

/**
 * Builds the view of a proxy once more and keeps, for each part, what it was made from and how its policies were chosen. Nothing that was
 * built before is used, so that every choice is made, and told, here. undefined where `buildProxyView` has no view.
 */
export function explainProxyView(contexts: Pick<MeshContexts, "inputs" | "options">, proxy: ProxyRef): ProxyExplanation | undefined {
  const reasons = new Map<object, Reasons>();
  const fresh = new MeshContexts(contexts.inputs, contexts.options);
  const view = buildProxyView(fresh, proxy, new ViewBuilder(reasons));
  if (!view) return undefined;
  const because = (part: object): Reasons => reasons.get(part) ?? { from: [], policies: [] };
  const endpoints = new Map(
    view.endpoints.map(({ cluster, localities }) => [
      cluster,
      localities.flatMap(({ zone, priority, endpoints: some }) =>
        some.map(
          ({ address, port, weight = 1 }) =>
            `${hostAndPort(address, port)} weight ${weight} priority ${priority}${zone ? ` in ${zone}` : ""}`,
        ),
      ),
    ]),
  );
  /** What says nothing of itself was made with what it is part of. */
  const within = (part: object, from: ResourceRef[]): Reasons => {
    const own = because(part);
    return own.from.length > 0 ? own : { ...own, from };
  };
  const listenerOf = (config: RouteConfigView): object =>
    view.listeners.find(({ chains }) => chains.some((chain) => servesRoutes(chain, config))) ?? config;
  const routeConfig = (config: RouteConfigView): RouteConfigExplanation => {
    const { name, virtualHosts } = config;
    const { from } = because(listenerOf(config));
    const hostOf = (host: VirtualHostView): Reasons => within(host, from);
    return {
      name,
      virtualHosts: virtualHosts.map((host) => ({
        name: host.name,
        domains: host.domains,
        ...hostOf(host),
        routes: host.routes.map((route) => ({
          match: route.match,
          action: route.action.type,
          clusters:
            route.action.type === "forward" ? route.action.clusters.map(({ name: cluster, weight }) => ({ name: cluster, weight })) : [],
          ...within(route, hostOf(host).from),
        })),
      })),
    };
  };
  const { kind, mesh, name, zone } = view;
  return {
    kind,
    mesh,
    name,
    zone,
    policies: wholePolicies(fresh, proxy),
    listeners: view.listeners.map((listener) => ({
      name: listener.name,
      address: listener.address,
      port: listener.port,
      ...because(listener),
      chains: listener.chains
        .filter((chain) => reasons.has(chain))
        .map((chain) => ({ serverNames: chain.match?.serverNames ?? [], ...because(chain) })),
    })),
    routes: [...view.listeners.flatMap(inlineRoutes), ...view.routes].map(routeConfig),
    clusters: view.clusters.map((cluster) => ({ name: cluster.name, ...because(cluster), endpoints: endpoints.get(cluster.name) ?? [] })),
    problems: view.problems ?? [],
  };
}

const servesRoutes = ({ filter }: FilterChainView, config: RouteConfigView): boolean =>
  filter.type === "http" && ("rds" in filter.routes ? filter.routes.rds === config.name : filter.routes.inline === config);

/** Routes that a listener has in itself; those of its chains that are the same are one. */
function inlineRoutes({ chains }: ListenerView): RouteConfigView[] {
  const inline = ({ filter }: FilterChainView) => (filter.type === "http" && "inline" in filter.routes ? [filter.routes.inline] : []);
  return [...new Set(chains.flatMap(inline))];
}

export function wholePolicies(contexts: MeshContexts, { type, mesh, name }: ProxyRef): PolicyChoice[] {
  const context = type === "dataplane" ? contexts.mesh(mesh) : undefined;
  const dataplane = context?.dataplane(name);
  if (!context || !dataplane) return [];
  const gateway = isBuiltinGateway(dataplane) ? context.gatewayOf(dataplane) : undefined;
  return new ProxyPolicies(context, dataplane, gateway).answer(envoyChanges).account();
}
