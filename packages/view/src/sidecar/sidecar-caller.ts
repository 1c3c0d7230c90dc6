import { Family, type Fact } from "@atoll/facts";
import { connecting, mutualTls, outboundChooser, proxyCallee, ProxyPolicies, SidecarCaller, standInFor } from "@atoll/policy";
import { identifyingServiceOf, type TrafficRouteSpec } from "@atoll/resource";
import { tagSets } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { sortedTags } from "../names.ts";
import { optional } from "../optional.ts";
import { tracing } from "../policies/tracing.ts";
import { calledService } from "../routes/called.ts";
import { ViewBuilder } from "../view-builder.ts";
import type { ViewParts } from "../view-builder.ts";
import { makeOutbound } from "./outbound.ts";
import type { MadeOutbound, Outbound } from "./outbound.ts";
import type { OutboundScope } from "./outbound-scope.ts";

/** What of a sidecar, besides its Dataplane, its outbounds are made from. */
export interface CallerTraits {
  pipeFolder: string;
  ipv6: boolean;
  transparent: boolean;
  kafkaFilter: boolean;
}

/** What all outbounds of a Dataplane have in common. */
export function outboundScope(
  contexts: MeshContexts,
  context: MeshContext,
  dataplane: Dataplane,
  builder: ViewBuilder,
  traits: CallerTraits,
): OutboundScope {
  const sources = tagSets(dataplane);
  const policies = new ProxyPolicies(context, dataplane);
  const routed = context.hasTrafficRoutes;
  return {
    ...{ contexts, context, builder, dataplane, sources },
    sourceService: identifyingServiceOf(dataplane.spec),
    caller: new SidecarCaller(policies),
    clientTls: proxyCallee(policies).answer(mutualTls),
    trafficRoute: routed ? outboundChooser(connecting<TrafficRouteSpec>(context, "TrafficRoute", sources), sources, context.rules) : null,
    tracing: routed || context.rules.sidecarOutboundPolicies === "always" ? tracing(context, policies) : undefined,
    dialled: (service: string) => context.permittedExternalServices(sources, service),
    ...traits,
  };
}

/**
 * Sidecars that call others in the same way, such as the instances of one service: each of their outbounds is made once for all of them.
 * It is made from a stand-in for their Dataplanes, which has nothing that only one of them has.
 */
class SidecarKin {
  readonly #made: Family<MadeOutbound | undefined>;
  // Each part is kept by itself, so that one that changes leaves the others as they were, by identity.
  readonly #listeners: Family<MadeOutbound["listener"] | undefined>;
  readonly #routes: Family<MadeOutbound["routes"]>;
  readonly #clusters: Family<ViewParts["clusters"]>;
  /** Whole lists of outbounds: most of kin have the same, and then what any of them becomes is put together once. */
  readonly #lists: Family<ViewParts>;

  constructor(contexts: MeshContexts, context: MeshContext, standIn: Dataplane, traits: CallerTraits) {
    const { graph } = contexts;
    const different = (): boolean => false;
    this.#made = new Family(
      graph,
      (key) => {
        const outbound = outboundOf(context, key);
        return outbound && makeOutbound(outboundScope(contexts, context, standIn, new ViewBuilder(), traits), outbound);
      },
      different,
    );
    this.#listeners = new Family(graph, (key) => this.#made.get(key)?.listener);
    this.#routes = new Family(graph, (key) => this.#made.get(key)?.routes);
    this.#clusters = new Family(
      graph,
      (key) => this.#made.get(key)?.clusters.map(({ cluster, endpoints }) => ({ cluster, ...optional("endpoints", endpoints) })) ?? [],
    );
    this.#lists = new Family(
      graph,
      (list) => {
        const whole = new ViewBuilder();
        for (const key of JSON.parse(list) as string[]) {
          const listener = this.#listeners.get(key);
          const routes = this.#routes.get(key);
          if (listener) whole.add({ listeners: [listener], routes: routes ? [routes] : [], clusters: this.#clusters.get(key) });
        }
        return whole.parts();
      },
      different,
    );
  }

  outbounds(keys: readonly string[]): Fact<ViewParts> {
    return this.#lists.fact(JSON.stringify(keys));
  }
}

/** Adds the outbounds of a sidecar, each made for it alone and with its reasons. */
export function addOutbounds(
  contexts: MeshContexts,
  context: MeshContext,
  dataplane: Dataplane,
  builder: ViewBuilder,
  outbounds: readonly Outbound[],
  traits: CallerTraits,
): void {
  if (outbounds.length === 0) return;
  const scope = outboundScope(contexts, context, dataplane, builder, traits);
  for (const outbound of outbounds) {
    const { listener, routes, clusters, reasons } = makeOutbound(scope, outbound);
    for (const made of clusters) builder.cluster(made.cluster, made.endpoints, made.reasons);
    builder.listener(listener, reasons);
    if (routes) builder.route(routes);
  }
}

/** The outbounds of a sidecar as they are made for all of its kin that have the same. */
export function sharedOutbounds(
  contexts: MeshContexts,
  context: MeshContext,
  dataplane: Dataplane,
  outbounds: readonly Outbound[],
  traits: CallerTraits,
): Fact<ViewParts> {
  const standIn = standInFor(context, dataplane);
  // Where the Dataplane stands for itself, it tells its own revisions apart, too.
  const key = `kin/${JSON.stringify([standIn, traits])}`;
  const kin = context.memo.share(key, () => new SidecarKin(contexts, context, standIn, traits));
  return kin.outbounds(outbounds.map(outboundKey));
}

/** Everything that an outbound is, or by what it is found again. */
const outboundKey = ({ address, port, to }: Outbound): string =>
  to.kind === "service"
    ? JSON.stringify([address, port, Object.fromEntries(sortedTags(to.tags))])
    : JSON.stringify([address, port, to.target.port.cluster]);

function outboundOf(context: MeshContext, key: string): Outbound | undefined {
  const [address, port, to] = JSON.parse(key) as [string, number, string | Record<string, string>];
  if (typeof to !== "string") return { address, port, to: calledService(to) };
  const target = context.realServices.target(to);
  return target && { address, port, to: { kind: "resource", target } };
}
