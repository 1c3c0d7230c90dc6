import { isIPv6 } from "node:net";
import { identifyingServiceOf } from "@atoll/resource";
import { GatewayCaller, mutualTls, outboundTimeouts, proxyCallee, retries, routeFault, routeLimit } from "@atoll/policy";
import type { Answer, Fault, MutualTls, OutboundTimeouts, ProxyPolicies, RequestLimit, Retries, Tags } from "@atoll/policy";
import type { Dataplane } from "../dataplane.ts";
import type { ExternalService } from "../external-service.ts";
import type { MeshContext, MeshGateway } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import type { Tracing } from "../policies/tracing.ts";
import { serviceTag } from "../names.ts";
import type { ViewBuilder } from "../view-builder.ts";
import type { GatewayHost } from "./host.ts";

/** What all listeners of one gateway have in common. */
export interface GatewayScope {
  contexts: MeshContexts;
  context: MeshContext;
  builder: ViewBuilder;
  dataplane: Dataplane;
  gateway: MeshGateway;
  policies: ProxyPolicies;
  /** What the mesh says of mutual TLS to who calls. */
  clientTls: Answer<MutualTls>;
  sources: readonly Tags[];
  /** Service of the gateway itself. */
  service: string;
  tracing: Tracing | undefined;
  /** External services it may dial itself. */
  dialled: (service: string) => readonly ExternalService[];
  pipeFolder: string;
  ipv6: boolean;
}

export function gatewayScope(
  { contexts, context, policies, gateway, pipeFolder }: Pick<GatewayScope, "contexts" | "context" | "policies" | "gateway" | "pipeFolder">,
  builder: ViewBuilder,
  trace?: Tracing,
): GatewayScope {
  const { dataplane, sources } = policies;
  return {
    ...{ contexts, context, builder, dataplane, gateway, policies, sources, pipeFolder },
    clientTls: proxyCallee(policies).answer(mutualTls),
    service: identifyingServiceOf(dataplane.spec),
    tracing: trace,
    dialled: (name: string) => context.permittedExternalServices(sources, name),
    ipv6: isIPv6(dataplane.spec.networking.address),
  };
}

/** Who asks for the policies of what a virtual host calls, by the tags of its listener. */
export const hostCaller = ({ policies, dataplane }: GatewayScope, { hostname, tags }: GatewayHost, port: number): GatewayCaller =>
  new GatewayCaller(policies, { address: dataplane.spec.networking.address, port, hostname, tags });

/** What policies say of one route, for all its backends together. */
export interface RoutePolicies {
  timeouts: Answer<OutboundTimeouts>;
  retries: Answer<Retries>;
  limit: Answer<RequestLimit>;
  /** Absent where faults do not act on gateways. */
  fault?: Answer<Fault>;
}

export function routePolicies(
  { context }: GatewayScope,
  caller: GatewayCaller,
  destinations: readonly Tags[],
  faultDestinations: readonly Tags[],
  route?: string,
): RoutePolicies {
  const grpc = destinations.every((tags) => context.service(tags[serviceTag] ?? "").protocol === "grpc");
  return {
    timeouts: caller.towardsAll(grpc ? outboundTimeouts.grpc : outboundTimeouts.http, destinations, route),
    retries: caller.towardsAll(retries, destinations, route),
    limit: caller.towardsAll(routeLimit, destinations, route),
    ...(context.rules.gatewayFaults === "applied" ? { fault: caller.towardsAll(routeFault, faultDestinations, route) } : {}),
  };
}
