import { egressCallee, inboundFaults, inboundLimits, permission, unchosen } from "@atoll/policy";
import type { Callee, PolicyChoice } from "@atoll/policy";
import { externalSources } from "../endpoint-sources.ts";
import { externalDiscovery } from "../external-service.ts";
import type { ExternalService } from "../external-service.ts";
import type { MeshContext } from "../mesh-context.ts";
import { clusterNames, downstreamTls } from "../mesh-tls.ts";
import { egressChainName, outboundRouteName, sniFromTags, statName, zoneProxyClusterName } from "../names.ts";
import { optional } from "../optional.ts";
import { limitedRoutes } from "../policies/rate-limit.ts";
import { rbacView } from "../policies/traffic-permission.ts";
import { defaultConnectTimeoutMs } from "../policies/timeout.ts";
import { isHttp, upstreamHttp } from "../protocol.ts";
import { meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ClusterView, FilterChainView, HttpFilterView, TcpFilterView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { destinationsOf } from "./mesh-destinations.ts";

/**
 * The chain that ends mesh TLS for one external service, checks who calls, and dials the service. undefined if no destination of
 * the mesh names it.
 */
export function externalEgress(
  context: MeshContext,
  service: string,
  ipv6: boolean,
  builder: ViewBuilder,
): { chain: FilterChainView; cluster: ClusterView } | undefined {
  return context.memo.share(`egress-external/${service}/${ipv6}`, (): { chain: FilterChainView; cluster: ClusterView } | undefined => {
    const serverNames = [...new Set(destinationsOf(context, service, []).map((tags) => sniFromTags(tags, context.name)))].sort();
    if (serverNames.length === 0) return undefined;
    const externals = context.reachableExternalServicesOf(service);
    const protocol = externals[0]!.protocol;
    const cluster = zoneProxyClusterName(context.name, service);
    const callee = calleeOf(context, externals);
    const filter = isHttp(protocol) ? httpFilter(builder, service, callee, cluster) : tcpFilter(service, cluster);
    return {
      chain: {
        name: egressChainName(service, context.name),
        match: { transportProtocol: "tls", serverNames },
        tls: downstreamTls(context),
        rbac: rbacView(context.name, callee.answer(permission).conf, service, true),
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

/** Resources of one service share a chain; the last one's tags choose who may call. */
const calleeOf = (context: MeshContext, externals: readonly ExternalService[]): Callee =>
  egressCallee(
    context,
    externals.map(({ tags }) => tags),
  );

/** Which ExternalServices a cluster dials. */
export function externalClusterReasons(context: MeshContext, service: string): Reasons {
  const names = context.reachableExternalServicesOf(service).map(({ name }) => name);
  return { from: [...externalSources(context, names), refOf(context.mesh, meshSection(context))], policies: [] };
}

/** Who may use an external service, and what acts on it. */
export function externalChainReasons(context: MeshContext, service: string, { filter }: FilterChainView): Reasons {
  const externals = context.reachableExternalServicesOf(service);
  const callee = calleeOf(context, externals);
  const ofHttp = (choices: PolicyChoice[]): PolicyChoice[] =>
    filter.type === "http" ? choices : choices.flatMap(({ type }) => unchosen(context.resources(type), "wrongProtocol"));
  return {
    ...externalClusterReasons(context, service),
    policies: [
      ...callee.answer(permission).account(),
      ...ofHttp(callee.answer(inboundFaults).account()),
      ...ofHttp(callee.answer(inboundLimits).account()),
    ],
  };
}

const tcpFilter = (service: string, cluster: string): TcpFilterView => ({
  type: "tcp",
  statPrefix: statName(service),
  clusters: [{ name: cluster, weight: 1 }],
});

function httpFilter(builder: ViewBuilder, service: string, callee: Callee, cluster: string): HttpFilterView {
  const faults = callee.answer(inboundFaults).conf ?? [];
  const limits = callee.answer(inboundLimits).conf;
  const routes = limitedRoutes(limits, {
    match: { path: { prefix: "/" } },
    action: { type: "forward", clusters: [{ name: cluster, weight: 1 }], autoHost: true },
    timeoutMs: 0,
  });
  for (const { route, policy } of routes) builder.because(route, () => ({ from: policy ? [refOf(policy)] : [], policies: [] }));
  return {
    type: "http",
    statPrefix: statName(service),
    routes: {
      inline: {
        name: outboundRouteName(service),
        virtualHosts: [{ name: service, domains: ["*"], routes: routes.map(({ route }) => route) }],
      },
    },
    ...(faults.length > 0 ? { faults } : {}),
    ...(limits?.everybody || limits?.byCaller.length ? { localRateLimit: true } : {}),
  };
}
