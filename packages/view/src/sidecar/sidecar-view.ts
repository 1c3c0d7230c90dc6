import { mutualTls, outboundLogs, passThroughService, proxyCallee, ProxyPolicies, SidecarCaller } from "@atoll/policy";
import { identifyingServiceOf } from "@atoll/resource";
import { isIPv6 } from "node:net";
import { addAdminListener } from "../admin-listener.ts";
import { inboundInterfaces, isTransparent } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { accessLogs, addLogCollectors } from "../policies/access-log.ts";
import type { LoggedConnection } from "../policies/access-log.ts";
import { addMetrics } from "../policies/metrics.ts";
import { tracing } from "../policies/tracing.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { AccessLogView } from "../proxy-view.ts";
import { ViewBuilder } from "../view-builder.ts";
import type { ViewParts } from "../view-builder.ts";
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
  const traits = JSON.stringify([dataplane.name, metadata]);
  addOwn(context, dataplane, builder, `inbounds/${traits}`, false, (own, into) => addInbounds(context, own, metadata, into));

  const outbounds = outboundAddresses(dataplane, context.virtualIps).map(({ tags, ...at }) => ({ ...at, to: calledService(tags) }));
  const real = realAddresses(dataplane, context).map(({ to, ...at }) => ({ ...at, to: { kind: "resource" as const, target: to } }));
  const all = [...outbounds, ...real];
  addOutbounds(contexts, context, dataplane, builder, all, { pipeFolder, ipv6: isIPv6(networking.address), transparent, kafkaFilter });
  addDnsListener(builder, context, dataplane, metadata.dnsPort, new Set(all.map(({ address }) => address)));
  const taken = new Set([...inbounds, ...all].map(({ address, port }) => `${address}:${port}`));
  const clientTls = proxyCallee(policies).answer(mutualTls);
  const directLogs = (name: string) =>
    passThroughLogs(context, policies, { direction: "OUTBOUND", kind: "network", destinationService: name, pipeFolder });
  addDirectAccess({ builder, context, dataplane, clientTls }, taken, directLogs);
  addOwn(context, dataplane, builder, `others/${traits}`, true, (own, into) => {
    // Of its own: what they found is of the time when they were asked.
    const itsPolicies = new ProxyPolicies(context, own);
    const outsideLogs = (kind: "http" | "network") =>
      passThroughLogs(context, itsPolicies, { direction: "UNSPECIFIED", kind, destinationService: "external", pipeFolder });
    addPassthrough(into, itsPolicies, own, outsideLogs);
    addMetrics(into, context, itsPolicies, metadata);
    addLogCollectors(into, own, itsPolicies);
    addProbes(into, own);
    addAdminListener(into, own, metadata);
  });
}

/** Logs of what goes to a name that is no service's. */
function passThroughLogs(context: MeshContext, policies: ProxyPolicies, logged: Omit<LoggedConnection, "sourceService">): AccessLogView[] {
  const { dataplane } = policies;
  const { conf } = new SidecarCaller(policies).towardsName(outboundLogs, passThroughService);
  return accessLogs(context, dataplane, conf, { ...logged, sourceService: identifyingServiceOf(dataplane.spec) });
}

/** What no other proxy plays a part in: made by itself, so that what happens to others leaves it as it is. `key` tells what `make` uses. `isAlike`: what it makes is often what it makes for others. */
function addOwn(
  context: MeshContext,
  { name }: Dataplane,
  builder: ViewBuilder,
  key: string,
  isAlike: boolean,
  make: (dataplane: Dataplane, into: ViewBuilder) => void,
): void {
  const makeInto = (into: ViewBuilder): void => {
    const dataplane = context.dataplane(name);
    if (dataplane) make(dataplane, into);
  };
  if (builder.explains) return makeInto(builder);
  const parts = context.memo.share(key, () => {
    const own = new ViewBuilder();
    makeInto(own);
    return own.parts();
  });
  builder.add(isAlike ? alike(context, parts) : parts);
}

/** Parts that are the same for many proxies, such as those that catch what no other takes, as one object for all of them. */
function alike(context: MeshContext, parts: ViewParts): ViewParts {
  const one = <Part extends object>(part: Part): Part => context.memo.share(`alike/${JSON.stringify(part)}`, () => part);
  return {
    ...parts,
    listeners: parts.listeners.map(one),
    routes: parts.routes.map(one),
    clusters: parts.clusters.map(({ cluster, endpoints }) => ({ cluster: one(cluster), endpoints })),
  };
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
