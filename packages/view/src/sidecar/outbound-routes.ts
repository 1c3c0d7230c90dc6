import { kumaTagsHeader, renderKumaTags, silenced } from "@atoll/policy";
import type { HashPolicy } from "@atoll/policy";
import { outboundRouteName, unresolvedBackend } from "../names.ts";
import { optional } from "../optional.ts";
import { retryView } from "../policies/retry.ts";
import { routeTimeouts } from "../policies/timeout.ts";
import type { HeaderOpsView, RouteConfigView, RouteView } from "../proxy-view.ts";
import { isNowhere, nameOf } from "../routes/called.ts";
import type { Called } from "../routes/called.ts";
import { outboundClusterName } from "./outbound-cluster.ts";
import type { Plan, PlannedRoute, WeightedDestination } from "./outbound-plan.ts";
import type { Said, SaidOfRule } from "./outbound-said.ts";
import type { OutboundScope } from "./outbound-scope.ts";

export const clusterOf = (called: Called): string =>
  called.kind === "service" ? outboundClusterName(called.tags) : called.target.port.cluster;

/** As clients know it: that of a MeshExternalService is called like its cluster. */
const routeName = (called: Called): string =>
  called.kind === "resource" && called.target.service.service.type === "MeshExternalService"
    ? clusterOf(called)
    : outboundRouteName(clusterOf(called));

/** Named by the service, and by what else tells the outbound's destination apart. */
export function routeConfig(
  scope: OutboundScope,
  called: Called,
  plan: Plan,
  said: Said,
  ofRules: ReadonlyMap<string, SaidOfRule>,
  external: ReadonlySet<string>,
): RouteConfigView {
  const { context } = scope;
  const sendsTags = context.readsKumaTags || (plan.routed && plan.protocol !== "grpc");
  const kumaTags = sendsTags ? [{ name: kumaTagsHeader, value: renderKumaTags(scope.sources) }] : [];
  const limit = context.zoneEgress ? undefined : said.limit.conf;
  const retry = retryView(said.retries.conf, plan.protocol);
  const hashPolicies = said.balancing.conf?.hashPolicies;
  const routes = plan.routes.map((planned): RouteView => {
    const own = (planned.rule === undefined ? undefined : ofRules.get(planned.rule)) ?? said;
    const action = planned.redirect ?? forwardAction(planned, external, hashPolicies);
    const leaves = action.type === "forward" && action.clusters.some((cluster) => external.has(cluster.name));
    const requestMs = own.timeouts.conf?.route.requestMs;
    const isUnresolved = action.type === "forward" && action.clusters.some(({ name }) => name === unresolvedBackend);
    const route: RouteView = {
      ...(planned.name ? { name: planned.name } : {}),
      match: planned.match,
      action,
      ...optional("requestHeaders", withTags(planned.requestHeaders, kumaTags)),
      ...optional("responseHeaders", planned.responseHeaders),
      ...(action.type === "forward" ? (own.timeouts.conf ? routeTimeouts(own.timeouts.conf) : { timeoutMs: 0 }) : {}),
      ...optional("retry", own.retries.key === said.retries.key ? undefined : retryView(own.retries.conf, plan.protocol)),
      ...optional("rateLimit", leaves ? limit : undefined),
      ...(isUnresolved ? { clusterNotFound500: true } : {}),
    };
    scope.builder.because(route, () => ({
      from: planned.from,
      policies: [
        ...plan.account(),
        ...silenced(own.timeouts.account(), requestMs === undefined),
        ...silenced(own.retries.account(), !retry && !route.retry),
        ...silenced(said.balancing.account(), hashPolicies === undefined || action.type !== "forward"),
        ...(leaves ? silenced(said.limit.account(), !route.rateLimit) : []),
      ],
    }));
    return route;
  });
  return { name: routeName(called), virtualHosts: [{ name: nameOf(called), domains: ["*"], ...optional("retry", retry), routes }] };
}

function forwardAction(
  { destinations, rewrite, mirrors }: PlannedRoute,
  external: ReadonlySet<string>,
  hashPolicies: readonly HashPolicy[] | undefined,
): RouteView["action"] {
  const clusters = clustersOf(destinations);
  const leaves = clusters.some((cluster) => external.has(cluster.name));
  const copied = mirrors.filter(({ to, percent }) => percent > 0 && !isNowhere(to));
  return {
    type: "forward",
    // Envoy takes no forwarding to nowhere: all of it is unresolved then.
    clusters: clusters.length > 0 ? clusters : [{ name: unresolvedBackend, weight: 1 }],
    ...(copied.length > 0 ? { mirrors: copied.map(({ to, percent }) => ({ cluster: clusterOf(to), percent })) } : {}),
    ...optional("hashPolicies", hashPolicies),
    ...rewrite,
    ...(leaves && rewrite.hostLiteral === undefined && !rewrite.hostFromPath ? { autoHost: true } : {}),
  };
}

/** Weights by cluster: two destinations of one name are one cluster. */
export function clustersOf(destinations: readonly WeightedDestination[]): { name: string; weight: number }[] {
  const weights = new Map<string, number>();
  for (const { to, weight } of destinations) {
    const name = clusterOf(to);
    weights.set(name, (weights.get(name) ?? 0) + weight);
  }
  return [...weights].map(([name, weight]) => ({ name, weight }));
}

/** Tags replace whatever a request brings, so that no application can pass for another. */
function withTags(ops: HeaderOpsView | undefined, kumaTags: { name: string; value: string }[]): HeaderOpsView | undefined {
  return kumaTags.length === 0 ? ops : { ...ops, set: [...(ops?.set ?? []), ...kumaTags] };
}
