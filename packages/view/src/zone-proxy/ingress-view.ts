import type { Resource, ZoneIngressSpec } from "@atoll/resource";
import { addAdminListener } from "../admin-listener.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { inboundListenerName } from "../names.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import { refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { FilterChainView } from "../proxy-view.ts";
import { realIngressChains } from "../services/real-ingress.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { sniReasons, sniService } from "./sni-service.ts";

/** Passes connections of other zones on to this zone's proxies by SNI; it has no certificates. */
export function addIngress(
  contexts: MeshContexts,
  ingress: Resource<ZoneIngressSpec>,
  metadata: ProxyMetadata,
  builder: ViewBuilder,
): void {
  const { networking } = ingress.spec;
  addAdminListener(builder, ingress, metadata);
  const chains: FilterChainView[] = [];
  for (const context of contexts.all()) {
    for (const service of context.ingressEndpoints.services()) {
      const made = sniService(context, service, "ingress");
      if (made.chains.length === 0) continue;
      chains.push(...made.chains);
      const reasons = (): Reasons => sniReasons(contexts, context, service, "ingress");
      builder.cluster(made.cluster, made.endpoints, reasons);
      for (const chain of made.chains) builder.because(chain, reasons);
    }
  }
  for (const context of contexts.all()) chains.push(...realIngressChains(contexts, context, builder));
  const body = JSON.stringify({ proxy: `.${ingress.name}`, zone: contexts.zone.zone });
  builder.listener(
    {
      name: inboundListenerName(networking.address, networking.port),
      address: networking.address,
      port: networking.port,
      direction: "inbound",
      reusePort: false,
      tlsInspector: true,
      chains: chains.length > 0 ? chains : [{ filter: { type: "directResponse", body } }],
    },
    () => ({ from: [refOf(ingress)], policies: [] }),
  );
}
