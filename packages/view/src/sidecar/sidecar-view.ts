import { connecting, outboundChooser, outboundLogs, passThroughService, SidecarCaller } from "@atoll/policy";
import type { ProxyPolicies } from "@atoll/policy";
import type { TrafficRouteSpec } from "@atoll/resource";
import { identifyingServiceOf } from "@atoll/resource";
import { isIPv6 } from "node:net";
import { addAdminListener } from "../admin-listener.ts";
import { inboundInterfaces, isTransparent, tagSets } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { addPrometheus } from "../prometheus.ts";
import { accessLogs, addLogCollectors } from "../policies/access-log.ts";
import { tracing } from "../policies/tracing.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { realAddresses } from "../services/real-addresses.ts";
import { calledService } from "../routes/called.ts";
import { addDirectAccess } from "./direct-access.ts";
import { addDnsListener } from "./dns-listener.ts";
import { addInbound } from "./inbound.ts";
import { outboundAddresses } from "./outbound-addresses.ts";
import { addOutbound } from "./outbound.ts";
import { addPassthrough } from "./passthrough.ts";
import { addProbes } from "./probe.ts";

/** The proxy beside a workload, or beside a gateway of another product (which then has outbounds only). */
export function addSidecar(
  contexts: MeshContexts,
  context: MeshContext,
  policies: ProxyPolicies,
  metadata: ProxyMetadata,
  builder: ViewBuilder,
): void {
  const { dataplane } = policies;
  const { networking } = dataplane.spec;
  const sources = tagSets(dataplane);
  const trace = tracing(context, policies);
  const transparent = isTransparent(dataplane);
  const kafkaFilter = metadata.kafkaFilter ?? false;
  if (trace) builder.cluster(trace.cluster, undefined, trace.reasons);

  const inbounds = networking.gateway ? [] : inboundInterfaces(dataplane);
  for (const inbound of inbounds)
    addInbound(
      { context, builder, dataplane, policies, pipeFolder: metadata.workDir ?? "/tmp", tracing: trace, transparent, kafkaFilter },
      inbound,
    );

  const routed = context.hasTrafficRoutes;
  const caller = new SidecarCaller(policies);
  const scope = {
    contexts,
    context,
    builder,
    dataplane,
    sources,
    sourceService: identifyingServiceOf(dataplane.spec),
    caller,
    trafficRoute: routed ? outboundChooser(connecting<TrafficRouteSpec>(context, "TrafficRoute", sources), sources, context.rules) : null,
    tracing: routed || context.rules.sidecarOutboundPolicies === "always" ? trace : undefined,
    dialled: (service: string) => context.permittedExternalServices(sources, service),
    pipeFolder: metadata.workDir ?? "/tmp",
    ipv6: isIPv6(networking.address),
    transparent,
    kafkaFilter,
  };
  const outbounds = outboundAddresses(dataplane, context.virtualIps);
  for (const { address, port, tags } of outbounds) addOutbound(scope, { address, port, to: calledService(tags) });
  const real = realAddresses(dataplane, context);
  for (const { address, port, to } of real) addOutbound(scope, { address, port, to: { kind: "resource", target: to } });
  addDnsListener(builder, context, dataplane, metadata.dnsPort, new Set([...outbounds, ...real].map(({ address }) => address)));
  const taken = new Set([...inbounds, ...outbounds, ...real].map(({ address, port }) => `${address}:${port}`));
  const passThroughLog = caller.towardsName(outboundLogs, passThroughService).conf;
  const { sourceService, pipeFolder } = scope;
  const logsOf = (direction: "OUTBOUND" | "UNSPECIFIED", destinationService: string) =>
    accessLogs(context, dataplane, passThroughLog, { kind: "network", direction, sourceService, destinationService, pipeFolder });
  addDirectAccess(builder, context, dataplane, taken, (name) => logsOf("OUTBOUND", name));
  addPassthrough(builder, context, dataplane, logsOf("UNSPECIFIED", "external"));
  addPrometheus(builder, context, dataplane, metadata);
  addLogCollectors(builder, dataplane, policies);
  addProbes(builder, dataplane);
  addAdminListener(builder, dataplane, metadata);
}
