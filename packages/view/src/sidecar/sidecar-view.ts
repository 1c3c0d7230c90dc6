import { outboundLogs, passThroughService, ProxyPolicies, SidecarCaller } from "@atoll/policy";
import { identifyingServiceOf } from "@atoll/resource";
import { isIPv6 } from "node:net";
import { addAdminListener } from "../admin-listener.ts";
import { inboundInterfaces, isTransparent } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { accessLogs, addLogCollectors } from "../policies/access-log.ts";
import { addMetrics } from "../policies/metrics.ts";
import { tracing } from "../policies/tracing.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import { ViewBuilder } from "../view-builder.ts";
import { realAddresses } from "../services/real-addresses.ts";
import { calledService } from "../routes/called.ts";
import { addDirectAccess } from "./direct-access.ts";
import { addDnsListener } from "./dns-listener.ts";
import { addInbound } from "./inbound.ts";
import { outboundAddresses } from "./outbound-addresses.ts";
import { addPassthrough } from "./passthrough.ts";
import { addProbes } from "./probe.ts";
import { addOutbounds } from "./sidecar-caller.ts";

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
  const transparent = isTransparent(dataplane);
  const pipeFolder = metadata.workDir ?? "/tmp";
  const kafkaFilter = metadata.kafkaFilter ?? false;
  const inbounds = networking.gateway ? [] : inboundInterfaces(dataplane);
  addOwn(context, dataplane, metadata, builder);

  const outbounds = outboundAddresses(dataplane, context.virtualIps).map(({ tags, ...at }) => ({ ...at, to: calledService(tags) }));
  const real = realAddresses(dataplane, context).map(({ to, ...at }) => ({ ...at, to: { kind: "resource" as const, target: to } }));
  const all = [...outbounds, ...real];
  addOutbounds(contexts, context, dataplane, builder, all, { pipeFolder, ipv6: isIPv6(networking.address), transparent, kafkaFilter });
  addDnsListener(builder, context, dataplane, metadata.dnsPort, new Set(all.map(({ address }) => address)));
  const taken = new Set([...inbounds, ...all].map(({ address, port }) => `${address}:${port}`));
  const passThroughLog = new SidecarCaller(policies).towardsName(outboundLogs, passThroughService).conf;
  const sourceService = identifyingServiceOf(dataplane.spec);
  const logsOf = (direction: "OUTBOUND" | "UNSPECIFIED", destinationService: string) =>
    accessLogs(context, dataplane, passThroughLog, { kind: "network", direction, sourceService, destinationService, pipeFolder });
  addDirectAccess(builder, context, dataplane, taken, (name) => logsOf("OUTBOUND", name));
  addPassthrough(builder, context, dataplane, logsOf("UNSPECIFIED", "external"));
  addMetrics(builder, context, policies, metadata);
  addLogCollectors(builder, dataplane, policies);
  addProbes(builder, dataplane);
  addAdminListener(builder, dataplane, metadata);
}

/** What no other proxy plays a part in: made by itself, so that what happens to others leaves it as it is. */
function addOwn(context: MeshContext, { name }: Dataplane, metadata: ProxyMetadata, builder: ViewBuilder): void {
  const make = (into: ViewBuilder): void => {
    const dataplane = context.dataplane(name);
    if (dataplane) addInbounds(context, dataplane, metadata, into);
  };
  if (builder.explains) return make(builder);
  const parts = context.memo.share(`inbounds/${JSON.stringify([name, metadata])}`, () => {
    const own = new ViewBuilder();
    make(own);
    return own.parts();
  });
  builder.add(parts);
}

function addInbounds(context: MeshContext, dataplane: Dataplane, metadata: ProxyMetadata, builder: ViewBuilder): void {
  const policies = new ProxyPolicies(context, dataplane);
  const trace = tracing(context, policies);
  if (trace) builder.cluster(trace.cluster, undefined, trace.reasons);
  if (dataplane.spec.networking.gateway) return;
  const scope = {
    ...{ context, builder, dataplane, policies, tracing: trace },
    pipeFolder: metadata.workDir ?? "/tmp",
    transparent: isTransparent(dataplane),
    kafkaFilter: metadata.kafkaFilter ?? false,
  };
  for (const inbound of inboundInterfaces(dataplane)) addInbound(scope, inbound);
}
