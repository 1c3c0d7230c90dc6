import { endpointSet } from "../endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import { endpointSources } from "../endpoint-sources.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { clusterNames } from "../mesh-tls.ts";
import { statName } from "../names.ts";
import { defaultConnectTimeoutMs } from "../policies/timeout.ts";
import type { FilterChainView } from "../proxy-view.ts";
import { meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { serviceRef } from "./real-service.ts";
import type { RealTarget } from "./real-service.ts";

/** Passes what other zones ask for on to this zone's instances: each port of its MeshServices, and of MeshMultiZoneServices, by an SNI of its own. */
export function realIngressChains(contexts: MeshContexts, context: MeshContext, builder: ViewBuilder): FilterChainView[] {
  if (context.mtls === "off") return [];
  return context.realServices.all
    .filter(({ service: { type, local } }) => type === "MeshMultiZoneService" || (type === "MeshService" && local))
    .flatMap((service) => service.ports.map((port) => chainOf(contexts, context, { service, port }, builder)));
}

function chainOf(contexts: MeshContexts, context: MeshContext, { service, port }: RealTarget, builder: ViewBuilder): FilterChainView {
  const { cluster: name, sni } = port;
  const local = (): readonly Endpoint[] => context.realServices.localEndpoints(name);
  const { cluster, chain } = context.memo.share(`real-ingress/${name}/${sni}`, () => ({
    cluster: { ...clusterNames(name), discovery: { type: "eds" as const }, connectTimeoutMs: defaultConnectTimeoutMs },
    chain: {
      match: { transportProtocol: "tls" as const, serverNames: [sni] },
      filter: { type: "tcp" as const, statPrefix: statName(name), clusters: [{ name, weight: 1 }] },
    },
  }));
  const endpoints = context.memo.fact(`real-ingress-endpoints/${name}`, () => endpointSet(name, local(), context.locality));
  const reasons = (): Reasons => ({
    from: [serviceRef(service, port), ...endpointSources(contexts, context, local()), refOf(context.mesh, meshSection(context))],
    policies: [],
  });
  builder.cluster(cluster, endpoints, reasons);
  builder.because(chain, reasons);
  return chain;
}
