import type { Resource, ZoneEgressSpec } from "@atoll/resource";
import { addAdminListener } from "../admin-listener.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { inboundListenerName } from "../names.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import { refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { FilterChainView } from "../proxy-view.ts";
import { realEgressChains } from "../services/real-egress.ts";
import { isIPv6 } from "node:net";
import type { ViewBuilder } from "../view-builder.ts";
import { externalChainReasons, externalClusterReasons, externalEgress } from "./external-egress.ts";
import { sniReasons, sniService } from "./sni-service.ts";

/** Passes this zone's connections on to other zones' ingresses by SNI, and dials external services for the meshes. */
export function addEgress(contexts: MeshContexts, egress: Resource<ZoneEgressSpec>, metadata: ProxyMetadata, builder: ViewBuilder): void {
  const { networking } = egress.spec;
  addAdminListener(builder, egress, metadata);
  const ipv6 = isIPv6(networking.address);
  const chains = contexts
    .all()
    .flatMap((context) =>
      context.mtls === "off"
        ? []
        : [...meshChains(contexts, context, ipv6, builder), ...realEgressChains(context, ipv6, metadata.systemCaPath, builder)],
    );
  // Without a chain Envoy would refuse the listener; a closed port is what "no egress" means anyway.
  if (chains.length === 0) return;
  builder.listener(
    {
      name: inboundListenerName(networking.address, networking.port),
      address: networking.address,
      port: networking.port,
      direction: "inbound",
      reusePort: false,
      tlsInspector: true,
      chains,
    },
    () => ({ from: [refOf(egress)], policies: [] }),
  );
}

function meshChains(contexts: MeshContexts, context: MeshContext, ipv6: boolean, builder: ViewBuilder): FilterChainView[] {
  const external = context.externalServiceNames.filter((service) => context.reachableExternalServicesOf(service).length > 0);
  const dialled = new Set(external);
  const remote = context.zoneEgress ? context.remoteEndpoints.services().filter((service) => !dialled.has(service)) : [];
  const chains: FilterChainView[] = [];
  for (const service of remote) {
    const made = sniService(context, service, "egress");
    if (made.chains.length === 0) continue;
    chains.push(...made.chains);
    const reasons = (): Reasons => sniReasons(contexts, context, service, "egress");
    builder.cluster(made.cluster, made.endpoints, reasons);
    for (const chain of made.chains) builder.because(chain, reasons);
  }
  for (const service of external) {
    const made = externalEgress(context, service, ipv6, builder);
    if (!made) continue;
    chains.push(made.chain);
    builder.cluster(made.cluster, undefined, () => externalClusterReasons(context, service));
    builder.because(made.chain, () => externalChainReasons(context, service, made.chain));
  }
  return chains;
}
