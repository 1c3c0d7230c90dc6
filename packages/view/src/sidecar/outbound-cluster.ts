import { firstMatch, outboundChooser } from "@atoll/policy";
import type { Chooser as PolicyChooser, Tags } from "@atoll/policy";
import type { CircuitBreakerSpec, HealthCheckSpec, Resource, TimeoutSpec } from "@atoll/resource";
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
import { healthCheckView } from "../policies/health-check.ts";
import { clusterTimeouts, defaultConnectTimeoutMs } from "../policies/timeout.ts";
import { upstreamHttp } from "../protocol.ts";
import { choiceOf, meshSection, refOf, unchosen } from "../reasons.ts";
import type { PolicyChoice, Reasons } from "../reasons.ts";
import type { ClusterView, EndpointSetView, LoadBalancerView } from "../proxy-view.ts";

/** Chooses policies of one dataplane for a service it calls; null = the outbound policies do not act on it. */
export type Chooser = <Spec extends { sources: { match?: Tags }[]; destinations: { match?: Tags }[] }>(
  type: string,
) => PolicyChooser<string, Resource<Spec>>;

/** How a policy of the caller was chosen for a service, or why none of its type acts. */
export const outboundChoice = (
  context: MeshContext,
  choose: Chooser | null,
  type: string,
  service: string,
  silent = false,
): PolicyChoice[] =>
  choose
    ? choiceOf(choose(type).candidates(service), { silent })
    : unchosen(context.resources(type), context.rules.sidecarOutboundPolicies === "always" ? "sourcesDoNotMatch" : "needsTrafficRoute");

export function sidecarChooser(context: MeshContext, sources: readonly Tags[]): Chooser {
  const made = new Map<string, unknown>();
  return <Spec extends { sources: { match?: Tags }[]; destinations: { match?: Tags }[] }>(type: string) => {
    if (!made.has(type)) made.set(type, outboundChooser(context.resources<Spec>(type), sources, context.rules));
    return made.get(type) as PolicyChooser<string, Resource<Spec>>;
  };
}

const outboundPolicyTypes = ["Timeout", "Retry", "CircuitBreaker", "HealthCheck", "TrafficLog", "RateLimit"];

/** Whether a policy of the mesh has the dataplane as a source. Where none has, proxies share what they are told of their outbounds. */
export const hasOutboundPolicies = (context: MeshContext, sources: readonly Tags[]): boolean =>
  outboundPolicyTypes.some((type) =>
    context
      .resources<{ sources?: { match?: Tags }[] }>(type)
      .some(({ spec }) => sources.some((tags) => firstMatch(spec.sources, tags) !== undefined)),
  );

export interface OutboundClusterRequest {
  /** Destination with kuma.io/service, and kuma.io/mesh if in another mesh. */
  tags: Tags;
  /** Service of the outbound itself: its Timeout is the one that counts. */
  outboundService: string;
  choose: Chooser | null;
  /** TrafficRoutes route the mesh: then a service without a Timeout has the timeouts of that way of routing. */
  routed: boolean;
  loadBalancer?: LoadBalancerView | undefined;
  /** External services that this proxy may dial itself. */
  dialled: readonly ExternalService[];
  ipv6: boolean;
}

export interface OutboundCluster {
  cluster: ClusterView;
  endpoints?: EndpointSetView;
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
  const dialled = direct ? request.dialled.filter((external) => external.service === service) : [];
  const timeout = request.choose?.<TimeoutSpec>("Timeout")(request.outboundService);
  const circuitBreaker = request.choose?.<CircuitBreakerSpec>("CircuitBreaker")(service);
  const healthCheck = request.choose?.<HealthCheckSpec>("HealthCheck")(service);
  const key = JSON.stringify([
    "outbound",
    name,
    destination.upstream.mtls,
    request.routed,
    timeout?.name,
    circuitBreaker?.name,
    healthCheck?.name,
    request.loadBalancer,
    dialled.map((external) => external.name),
    request.ipv6,
  ]);
  const cluster = context.memo.share(key, (): ClusterView => {
    const common = {
      ...clusterNames(name),
      ...(request.routed || timeout ? clusterTimeouts(timeout?.spec.conf, facts.protocol) : { connectTimeoutMs: defaultConnectTimeoutMs }),
      ...optional("circuitBreaker", circuitBreakerView(circuitBreaker?.spec.conf)),
      ...healthCheckView(healthCheck?.spec.conf, facts.protocol),
    };
    if (dialled.length > 0) {
      return { ...common, ...externalDiscovery(dialled, request.ipv6), ...optional("http", upstreamHttp(facts.protocol)) };
    }
    const external = facts.external && !destination.crossMesh;
    const tls = upstreamTls(context, destination.upstream, external && context.zoneEgress ? zoneEgressService : service, destination.tags);
    return {
      ...common,
      discovery: { type: "eds" },
      ...optional("http", external ? upstreamHttp(facts.protocol) : "http2"),
      ...optional("tls", tls),
      ...(external ? {} : optional("loadBalancer", request.loadBalancer)),
    };
  });
  const external = facts.external && !destination.crossMesh && (context.zoneEgress || dialled.length > 0);
  const reasons = (): Reasons => {
    const { outboundService, choose } = request;
    return {
      from: [
        ...externalSources(
          context,
          dialled.map((each) => each.name),
        ),
        ...endpointSources(
          contexts,
          destination.upstream,
          dialled.length > 0 ? [] : endpointsWith(destination.endpoints, destination.tags),
        ),
        refOf(destination.upstream.mesh, meshSection(destination.upstream)),
      ],
      policies: [
        ...outboundChoice(context, choose, "Timeout", outboundService),
        ...outboundChoice(context, choose, "CircuitBreaker", service),
        ...outboundChoice(context, choose, "HealthCheck", service),
        ...(direct ? dialPermission(context, dialled, (external) => external.service === service) : []),
      ],
    };
  };
  if (cluster.discovery.type !== "eds") return { cluster, external, reasons };
  return { cluster, endpoints: destinationEndpoints(context, name, destination), external, reasons };
}
