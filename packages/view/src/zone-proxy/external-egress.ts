import { inboundPolicies, inboundPoliciesCandidates, inboundPolicyCandidates } from "@atoll/policy";
import type { FaultInjectionSpec, RateLimitSpec, Resource } from "@atoll/resource";
import { externalSources } from "../endpoint-sources.ts";
import { externalDiscovery } from "../external-service.ts";
import type { ExternalService } from "../external-service.ts";
import type { MeshContext, Policy } from "../mesh-context.ts";
import { clusterNames, downstreamTls } from "../mesh-tls.ts";
import { egressChainName, outboundRouteName, sniFromTags, statName, zoneProxyClusterName } from "../names.ts";
import { optional } from "../optional.ts";
import { faultView } from "../policies/fault-injection.ts";
import { limitedRoutes, limitsOf } from "../policies/rate-limit.ts";
import { rbacView } from "../policies/traffic-permission.ts";
import { defaultConnectTimeoutMs } from "../policies/timeout.ts";
import { isHttp, upstreamHttp } from "../protocol.ts";
import { choiceOf, meshSection, refOf, unchosen } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ClusterView, FilterChainView, HttpFilterView, TcpFilterView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";
import type { MeshDestinations } from "./mesh-destinations.ts";

/**
 * The chain that ends mesh TLS for one external service, checks who calls, and dials the service. undefined if no destination of
 * the mesh names it.
 */
export function externalEgress(
  context: MeshContext,
  service: string,
  destinations: MeshDestinations,
  ipv6: boolean,
  builder: ViewBuilder,
): { chain: FilterChainView; cluster: ClusterView } | undefined {
  const serverNames = [...new Set(destinations.of(service).map((tags) => sniFromTags(tags, context.name)))].sort();
  if (serverNames.length === 0) return undefined;
  return context.memo.share(`egress-external/${service}/${ipv6}`, (): { chain: FilterChainView; cluster: ClusterView } => {
    const externals = context.reachableExternalServices.filter((external) => external.service === service);
    const protocol = externals[0]!.protocol;
    const cluster = zoneProxyClusterName(context.name, service);
    const filter = isHttp(protocol) ? httpFilter(builder, context, service, externals, cluster) : tcpFilter(service, cluster);
    return {
      chain: {
        name: egressChainName(service, context.name),
        match: { transportProtocol: "tls", serverNames },
        tls: downstreamTls(context),
        // Resources of one service share it; the last one's tags choose the permission.
        rbac: rbacView(context, externals.at(-1)!.tags, service),
        filter,
      },
      cluster: {
        ...clusterNames(cluster),
        ...externalDiscovery(externals, ipv6),
        connectTimeoutMs: defaultConnectTimeoutMs,
        ...optional("http", upstreamHttp(protocol)),
      },
    };
  });
}

/** Which ExternalServices a cluster dials. */
export function externalClusterReasons(context: MeshContext, service: string): Reasons {
  const names = context.reachableExternalServices.filter((one) => one.service === service).map(({ name }) => name);
  return { from: [...externalSources(context, names), refOf(context.mesh, meshSection(context))], policies: [] };
}

/** Who may use an external service, and what acts on it. */
export function externalChainReasons(context: MeshContext, service: string, { filter }: FilterChainView): Reasons {
  const externals = context.reachableExternalServices.filter((one) => one.service === service);
  const permissions = context.resources<Policy["spec"]>("TrafficPermission");
  return {
    ...externalClusterReasons(context, service),
    policies: [
      ...choiceOf(inboundPolicyCandidates(permissions, externals.at(-1)!.tags, context.rules)),
      ...["FaultInjection", "RateLimit"].flatMap((type) => {
        const policies = context.resources<Policy["spec"]>(type);
        if (filter.type !== "http") return unchosen(policies, "wrongProtocol");
        return externals.flatMap(({ tags }) => choiceOf(inboundPoliciesCandidates(policies, tags, context.rules), { destination: tags }));
      }),
    ],
  };
}

const tcpFilter = (service: string, cluster: string): TcpFilterView => ({
  type: "tcp",
  statPrefix: statName(service),
  clusters: [{ name: cluster, weight: 1 }],
});

function httpFilter(
  builder: ViewBuilder,
  context: MeshContext,
  service: string,
  externals: readonly ExternalService[],
  cluster: string,
): HttpFilterView {
  const faults = matching<FaultInjectionSpec>(context, "FaultInjection", externals);
  const limits = matching<RateLimitSpec>(context, "RateLimit", externals);
  const routes = limitedRoutes(limits, {
    match: { path: { prefix: "/" } },
    action: { type: "forward", clusters: [{ name: cluster, weight: 1 }], autoHost: true },
    timeoutMs: 0,
  });
  for (const route of routes) builder.because(route, () => ({ from: limitsOf(route, limits).map((one) => refOf(one)), policies: [] }));
  return {
    type: "http",
    statPrefix: statName(service),
    routes: { inline: { name: outboundRouteName(service), virtualHosts: [{ name: service, domains: ["*"], routes }] } },
    ...(faults.length > 0 ? { faults: faults.map(faultView) } : {}),
    ...(limits.length > 0 ? { localRateLimit: true } : {}),
  };
}

/** Policies on any of the resources that make up a service, each once. */
function matching<Spec extends FaultInjectionSpec | RateLimitSpec>(
  context: MeshContext,
  type: string,
  externals: readonly ExternalService[],
): Resource<Spec>[] {
  const policies = context.resources<Spec>(type);
  return [...new Set(externals.flatMap(({ tags }) => inboundPolicies(policies, tags, context.rules)))];
}
