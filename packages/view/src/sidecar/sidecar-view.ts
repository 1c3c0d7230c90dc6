import { outboundChooser } from "@atoll/policy";
import type { TrafficRouteSpec } from "@atoll/resource";
import { identifyingServiceOf } from "@atoll/resource";
import { isIPv6 } from "node:net";
import { addAdminListener } from "../admin-listener.ts";
import { inboundInterfaces, isTransparent, tagSets } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { serviceTag } from "../names.ts";
import { addPrometheus } from "../prometheus.ts";
import { tracing } from "../policies/traffic-trace.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { addDirectAccess } from "./direct-access.ts";
import { addInbound } from "./inbound.ts";
import { sidecarChooser } from "./outbound-cluster.ts";
import { addOutbound } from "./outbound.ts";
import { addPassthrough } from "./passthrough.ts";

const defaultOutboundAddress = "127.0.0.1";

/** The proxy beside a workload, or beside a gateway of another product (which then has outbounds only). */
export function addSidecar(
  contexts: MeshContexts,
  context: MeshContext,
  dataplane: Dataplane,
  metadata: ProxyMetadata,
  builder: ViewBuilder,
): void {
  const { networking } = dataplane.spec;
  const sources = tagSets(dataplane);
  const trace = tracing(context, dataplane);
  const transparent = isTransparent(dataplane);
  const kafkaFilter = metadata.kafkaFilter ?? false;
  if (trace) builder.cluster(trace.cluster);

  const inbounds = networking.gateway ? [] : inboundInterfaces(dataplane);
  for (const inbound of inbounds) addInbound({ context, builder, tracing: trace, transparent, kafkaFilter }, inbound);

  const routed = context.hasTrafficRoutes;
  const acting = routed || context.rules.sidecarOutboundPolicies === "always";
  const scope = {
    contexts,
    context,
    builder,
    dataplane,
    sources,
    sourceService: identifyingServiceOf(dataplane.spec),
    choose: acting ? sidecarChooser(context, sources) : null,
    trafficRoute: routed ? outboundChooser(context.resources<TrafficRouteSpec>("TrafficRoute"), sources, context.rules) : null,
    tracing: trace,
    // As recorded: permissions decide who may dial an external service only where TrafficRoutes route.
    dialled: routed ? context.permittedExternalServices(sources) : context.externalServices,
    pipeFolder: metadata.workDir ?? "/tmp",
    ipv6: isIPv6(networking.address),
    transparent,
    kafkaFilter,
  };
  const taken = new Set(inbounds.map(({ address, port }) => `${address}:${port}`));
  for (const outbound of networking.outbound ?? []) {
    const address = outbound.address ?? defaultOutboundAddress;
    if (!outbound.tags?.[serviceTag] || (transparent && taken.has(`${address}:${outbound.port}`))) continue;
    addOutbound(scope, { address, port: outbound.port, tags: outbound.tags });
  }
  for (const { address, port } of networking.outbound ?? []) taken.add(`${address ?? defaultOutboundAddress}:${port}`);
  addDirectAccess(builder, context, dataplane, taken);
  addPassthrough(builder, networking, context.mesh.spec.networking?.outbound?.passthrough !== false);
  addPrometheus(builder, context, dataplane, metadata);
  addAdminListener(builder, networking.address, networking.admin?.port, metadata);
}
