import { mutualTls, outboundLogs, passThroughService, proxyCallee, ProxyPolicies, SidecarCaller } from "@atoll/policy";
import { identifyingServiceOf } from "@atoll/resource";
import { isIPv6 } from "node:net";
import { addAdminListener } from "../admin-listener.ts";
import { callsByName, inboundInterfaces, isTransparent } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { accessLogs, addLogCollectors } from "../policies/access-log.ts";
import type { LoggedConnection } from "../policies/access-log.ts";
import { addMetrics } from "../policies/metrics.ts";
import { tracing } from "../policies/tracing.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { AccessLogView, FilterChainView, ListenerView } from "../proxy-view.ts";
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
import type { Outbound } from "./outbound.ts";
import { addOutbounds, sharedOutbounds } from "./sidecar-caller.ts";
import type { CallerTraits } from "./sidecar-caller.ts";

/** The proxy beside a workload, or beside a gateway of another product (which then has outbounds only). */
export function addSidecar(
  contexts: MeshContexts,
  context: MeshContext,
  dataplane: Dataplane,
  metadata: ProxyMetadata,
  builder: ViewBuilder,
): void {
  const pipeFolder = metadata.workDir ?? "/tmp";
  const of: Own = { context, dataplane, builder, traits: JSON.stringify([dataplane.name, metadata]) };
  addOwn(of, "inbounds", (own, into) => addInbounds(context, own, metadata, into));
  addCalled({ ...of, contexts, metadata });
  addOwn(of, "others", (own, into) => {
    // Of its own: what they found is of the time when they were asked.
    const policies = new ProxyPolicies(context, own);
    const outsideLogs = (kind: "http" | "network") =>
      passThroughLogs(context, policies, { direction: "UNSPECIFIED", kind, destinationService: "external", pipeFolder });
    addPassthrough(into, policies, own, outsideLogs);
    addMetrics(into, context, policies, metadata);
    addLogCollectors(into, own, policies);
    addProbes(into, own);
    addAdminListener(into, own, metadata);
  });
}

/** One sidecar, and what besides its Dataplane it is made from. */
interface Own {
  context: MeshContext;
  dataplane: Dataplane;
  builder: ViewBuilder;
  traits: string;
}

/** Where it calls others. What it shares with its kin is made for all of them; which kin that is, and what it calls, is a fact of its own. */
function addCalled({ contexts, context, dataplane, builder, traits, metadata }: Own & { contexts: MeshContexts; metadata: ProxyMetadata }) {
  const pipeFolder = metadata.workDir ?? "/tmp";
  const callsOf = (own: Dataplane): { outbounds: Outbound[]; callerTraits: CallerTraits } => ({
    outbounds: [
      ...outboundAddresses(own, context.virtualIps).map(({ tags, ...at }) => ({ ...at, to: calledService(tags) })),
      ...realAddresses(own, context).map(({ to, ...at }) => ({ ...at, to: { kind: "resource" as const, target: to } })),
    ],
    callerTraits: {
      ...{ pipeFolder, kafkaFilter: metadata.kafkaFilter ?? false },
      ...{ ipv6: isIPv6(own.spec.networking.address), transparent: isTransparent(own) },
    },
  });
  const addUnlisted = (own: Dataplane, outbounds: readonly Outbound[], into: ViewBuilder): void => {
    addDnsListener(into, context, own, metadata.dnsPort, new Set(outbounds.map(({ address }) => address)));
    const taken = new Set([...inboundsOf(own), ...outbounds].map(({ address, port }) => `${address}:${port}`));
    const policies = new ProxyPolicies(context, own);
    const directLogs = (name: string) =>
      passThroughLogs(context, policies, { direction: "OUTBOUND", kind: "network", destinationService: name, pipeFolder });
    const clientTls = proxyCallee(policies).answer(mutualTls);
    addDirectAccess({ builder: into, context, dataplane: own, clientTls }, taken, directLogs);
  };
  if (builder.explains) {
    const { outbounds, callerTraits } = callsOf(dataplane);
    addOutbounds(contexts, context, dataplane, builder, outbounds, callerTraits);
    addUnlisted(dataplane, outbounds, builder);
    return;
  }
  const called = context.memo.share(`called/${traits}`, () => {
    const own = context.dataplane(dataplane.name);
    if (!own) return undefined;
    const { outbounds, callerTraits } = callsOf(own);
    const listed = outbounds.length === 0 ? undefined : sharedOutbounds(contexts, context, own, outbounds, callerTraits);
    if (!callsByName(own)) return { listed };
    const unlisted = new ViewBuilder();
    addUnlisted(own, outbounds, unlisted);
    return { listed, unlisted: unlisted.parts() };
  });
  if (called?.listed) builder.add(called.listed.get());
  if (called?.unlisted) builder.add(called.unlisted);
}

const inboundsOf = (dataplane: Dataplane) => (dataplane.spec.networking.gateway ? [] : inboundInterfaces(dataplane));

/** Logs of what goes to a name that is no service's. */
function passThroughLogs(context: MeshContext, policies: ProxyPolicies, logged: Omit<LoggedConnection, "sourceService">): AccessLogView[] {
  const { dataplane } = policies;
  const { conf } = new SidecarCaller(policies).towardsName(outboundLogs, passThroughService);
  return accessLogs(context, dataplane, conf, { ...logged, sourceService: identifyingServiceOf(dataplane.spec) });
}

/** What no other proxy plays a part in: made by itself, so that what happens to others leaves it as it is. `make` uses what `traits` tell. */
function addOwn(
  { context, dataplane: { name }, builder, traits }: Own,
  what: string,
  make: (dataplane: Dataplane, into: ViewBuilder) => void,
): void {
  const makeInto = (into: ViewBuilder): void => {
    const dataplane = context.dataplane(name);
    if (dataplane) make(dataplane, into);
  };
  if (builder.explains) return makeInto(builder);
  builder.add(
    context.memo.share(`${what}/${traits}`, () => {
      const own = new ViewBuilder();
      makeInto(own);
      return alike(context, own.parts());
    }),
  );
}

/**
 * Parts that are the same for many proxies, such as those that catch what no other takes, as one object for all of them; of listeners with
 * an address of the proxy's own what is not about that: it is most of them.
 */
function alike(context: MeshContext, parts: ViewParts): ViewParts {
  const one = <Part extends object>(part: Part): Part => context.memo.share(`alike/${JSON.stringify(part)}`, () => part);
  const chain = (view: FilterChainView): FilterChainView => ({
    ...view,
    ...(view.tls && { tls: one(view.tls) }),
    filter: one(view.filter),
  });
  const isAnywhere = ({ address }: ListenerView): boolean => address === "0.0.0.0" || address === "::";
  return {
    ...parts,
    listeners: parts.listeners.map((view) => (isAnywhere(view) ? one(view) : { ...view, chains: view.chains.map(chain) })),
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
