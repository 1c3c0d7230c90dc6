import type { Resource, ZoneEgressSpec } from "@atoll/resource";
import { addAdminListener } from "../admin-listener.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { inboundListenerName } from "../names.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { FilterChainView } from "../proxy-view.ts";
import { isIPv6 } from "node:net";
import type { ViewBuilder } from "../view-builder.ts";
import { externalEgress } from "./external-egress.ts";
import { meshDestinations } from "./mesh-destinations.ts";
import { sniService } from "./sni-service.ts";

/** Passes this zone's connections on to other zones' ingresses by SNI, and dials external services for the meshes. */
export function addEgress(contexts: MeshContexts, egress: Resource<ZoneEgressSpec>, metadata: ProxyMetadata, builder: ViewBuilder): void {
  const { networking } = egress.spec;
  addAdminListener(builder, networking.address, networking.admin?.port, metadata);
  const ipv6 = isIPv6(networking.address);
  const chains = contexts.all().flatMap((context) => (context.mtls === "off" ? [] : meshChains(context, ipv6, builder)));
  // Without a chain Envoy would refuse the listener; a closed port is what "no egress" means anyway.
  if (chains.length === 0) return;
  builder.listener({
    name: inboundListenerName(networking.address, networking.port),
    address: networking.address,
    port: networking.port,
    direction: "inbound",
    tlsInspector: true,
    chains,
  });
}

function meshChains(context: MeshContext, ipv6: boolean, builder: ViewBuilder): FilterChainView[] {
  const external = new Set(context.reachableExternalServices.map(({ service }) => service));
  const remote = [...context.remoteEndpoints].filter(([service]) => !external.has(service)).sort(([a], [b]) => (a < b ? -1 : 1));
  const destinations = meshDestinations(
    context,
    remote.flatMap(([, endpoints]) => endpoints.map(({ tags }) => tags)),
  );
  const chains: FilterChainView[] = [];
  for (const [service, endpoints] of context.zoneEgress ? remote : []) {
    const made = sniService(context, service, endpoints, destinations, "egress");
    if (made.chains.length === 0) continue;
    chains.push(...made.chains);
    builder.cluster(made.cluster, made.endpoints);
  }
  for (const service of [...external].sort()) {
    const made = externalEgress(context, service, destinations, ipv6);
    if (!made) continue;
    chains.push(made.chain);
    builder.cluster(made.cluster);
  }
  return chains;
}
