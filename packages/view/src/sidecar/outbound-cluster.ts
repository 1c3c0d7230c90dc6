import type { Fact } from "@atoll/facts";
import { circuitBreaking, loadBalancing } from "@atoll/policy";
import type { Answer, MutualTls, SidecarCaller, Tags } from "@atoll/policy";
import { destinationEndpoints, resolveDestination } from "../destination.ts";
import { externalDiscovery } from "../external-service.ts";
import type { ExternalService } from "../external-service.ts";
import { endpointsWith } from "../endpoint.ts";
import { dialPermission, endpointSources, externalSources } from "../endpoint-sources.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { clusterNames, upstreamTls } from "../mesh-tls.ts";
import { destinationClusterName, meshTag, serviceTag, zoneEgressService } from "../names.ts";
import { optional } from "../optional.ts";
import { circuitBreakerView } from "../policies/circuit-breaker.ts";
import { callerOfChecks, healthCheckingOf, healthCheckView } from "../policies/health-check.ts";
import { balancingView, localityOf } from "../policies/load-balancing.ts";
import { clusterTimeouts, routedTimeouts, timeoutsOf } from "../policies/timeout.ts";
import { upstreamHttp } from "../protocol.ts";
import { identityOf, meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ClusterView, EndpointSetView, LoadBalancerView } from "../proxy-view.ts";

export interface OutboundClusterRequest {
  /** Destination with kuma.io/service, and kuma.io/mesh if in another mesh. */
  tags: Tags;
  /** Service of the outbound itself: its Timeout is the one that counts. */
  outboundService: string;
  caller: SidecarCaller;
  /** Tag sets of the caller. */
  sources: readonly Tags[];
  clientTls: Answer<MutualTls>;
  /** TrafficRoutes route the mesh: then a service without a Timeout has the timeouts of that way of routing. */
  routed: boolean;
  loadBalancer?: LoadBalancerView | undefined;
  /** External services that this proxy may dial itself. */
  dialled: (service: string) => readonly ExternalService[];
  ipv6: boolean;
}

export interface OutboundCluster {
  cluster: ClusterView;
  endpoints?: Fact<EndpointSetView>;
  /** True if traffic leaves the mesh, directly or through the egress. */
  external: boolean;
  reasons: () => Reasons;
}

export function outboundClusterName(tags: Tags): string {
  const name = destinationClusterName(tags);
  return tags[meshTag] === undefined ? name : `${name}_${tags[meshTag]}`;
}

/** One cluster of a sidecar's outbound; undefined if the destination's mesh does not exist. */
export function outboundCluster(
  contexts: MeshContexts,
  context: MeshContext,
  request: OutboundClusterRequest,
): OutboundCluster | undefined {
  const destination = resolveDestination(contexts, context, request.tags);
  if (!destination) return undefined;
  const service = request.tags[serviceTag] ?? "";
  const name = outboundClusterName(request.tags);
  const facts = context.service(service);
  const direct = facts.external && !destination.crossMesh && !context.zoneEgress;
  const dialled = direct ? request.dialled(service) : [];
  const { caller } = request;
  const called = { kind: "service", tags: request.tags } as const;
  // The Timeout of the outbound itself counts, wherever its requests are sent.
  const timeouts = caller.towards(timeoutsOf(facts.protocol), { kind: "service", tags: { [serviceTag]: request.outboundService } });
  const breaking = caller.towards(circuitBreaking, called);
  const checking = caller.towards(healthCheckingOf(facts.protocol), called);
  const balancing = caller.towards(loadBalancing, called);
  const asker = callerOfChecks(checking.conf, request.sources);
  const key = JSON.stringify([
    "outbound",
    name,
    destination.upstream.mtls,
    request.routed,
    timeouts.key,
    breaking.key,
    checking.key,
    asker,
    balancing.key,
    request.clientTls.key,
    request.loadBalancer,
    dialled.map(identityOf),
    facts,
    request.ipv6,
  ]);
  // What leaves the mesh by an egress is none of MeshTLS; a gateway of another mesh is called as any other service is.
  const isOfMesh = !facts.external || destination.crossMesh;
  const cluster = context.memo.share(key, (): ClusterView => {
    const common = {
      ...clusterNames(name),
      ...clusterTimeouts(timeouts.conf ?? (request.routed ? routedTimeouts : undefined), facts.protocol),
      ...circuitBreakerView(breaking.conf),
      ...healthCheckView(checking.conf, facts.protocol, asker),
    };
    const external = facts.external && !destination.crossMesh;
    const balanced = balancingView(balancing.conf, external ? undefined : request.loadBalancer);
    if (dialled.length > 0) {
      return { ...common, ...externalDiscovery(dialled, request.ipv6), ...optional("http", upstreamHttp(facts.protocol)), ...balanced };
    }
    const own = upstreamTls(context, destination.upstream, external && context.zoneEgress ? zoneEgressService : service, destination.tags);
    const tls = own && isOfMesh ? { ...own, ...request.clientTls.conf?.parameters } : own;
    return {
      ...common,
      discovery: { type: "eds" },
      ...optional("http", external ? upstreamHttp(facts.protocol) : "http2"),
      ...optional("tls", tls),
      ...balanced,
    };
  });
  const external = facts.external && !destination.crossMesh && (context.zoneEgress || dialled.length > 0);
  const reasons = (): Reasons => {
    return {
      from: [
        ...externalSources(
          context,
          dialled.map((each) => each.name),
        ),
        ...endpointSources(
          contexts,
          destination.upstream,
          dialled.length > 0 ? [] : endpointsWith(destination.endpoints(), destination.tags),
        ),
        refOf(destination.upstream.mesh, meshSection(destination.upstream)),
      ],
      policies: [
        ...timeouts.account(),
        ...breaking.account(),
        ...checking.account(),
        ...balancing.account(),
        ...(isOfMesh && cluster.tls ? request.clientTls.account() : []),
        ...(direct ? dialPermission(context, dialled, (external) => external.service === service) : []),
      ],
    };
  };
  if (cluster.discovery.type !== "eds") return { cluster, external, reasons };
  const locality = localityOf(balancing.conf, context.locality, request.sources);
  return { cluster, endpoints: destinationEndpoints(context, name, destination, locality), external, reasons };
}
