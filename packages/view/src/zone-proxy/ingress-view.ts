import type { Resource, ZoneIngressSpec } from "@atoll/resource";
import { addAdminListener } from "../admin-listener.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { inboundListenerName } from "../names.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { FilterChainView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { meshDestinations } from "./mesh-destinations.ts";
import { sniService } from "./sni-service.ts";

/** Passes connections of other zones on to this zone's proxies by SNI; it has no certificates. */
export function addIngress(
  contexts: MeshContexts,
  ingress: Resource<ZoneIngressSpec>,
  metadata: ProxyMetadata,
  builder: ViewBuilder,
): void {
  const { networking } = ingress.spec;
  addAdminListener(builder, networking.address, networking.admin?.port, metadata);
  const chains: FilterChainView[] = [];
  for (const context of contexts.all()) {
    const services = [...context.ingressEndpoints].sort(([a], [b]) => (a < b ? -1 : 1));
    const destinations = meshDestinations(
      context,
      services.flatMap(([, endpoints]) => endpoints.map(({ tags }) => tags)),
    );
    for (const [service, endpoints] of services) {
      const made = sniService(context, service, endpoints, destinations, "ingress");
      if (made.chains.length === 0) continue;
      chains.push(...made.chains);
      builder.cluster(made.cluster, made.endpoints);
    }
  }
  const body = JSON.stringify({ proxy: `.${ingress.name}`, zone: contexts.zone.zone });
  builder.listener({
    name: inboundListenerName(networking.address, networking.port),
    address: networking.address,
    port: networking.port,
    direction: "inbound",
    tlsInspector: true,
    chains: chains.length > 0 ? chains : [{ filter: { type: "directResponse", body } }],
  });
}
