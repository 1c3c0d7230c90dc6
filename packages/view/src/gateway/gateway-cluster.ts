import { circuitBreaking, loadBalancing, matchesTags } from "@atoll/policy";
import type { GatewayCaller, HashPolicy } from "@atoll/policy";
import { destinationEndpoints, resolveDestination } from "../destination.ts";
import { endpointsWith } from "../endpoint.ts";
import { dialPermission, endpointSources, externalSources } from "../endpoint-sources.ts";
import { externalDiscovery } from "../external-service.ts";
import { clusterNames, upstreamTls } from "../mesh-tls.ts";
import { destinationClusterName, protocolTag, serviceTag, unresolvedBackend, zoneEgressService } from "../names.ts";
import { optional } from "../optional.ts";
import { circuitBreakerView } from "../policies/circuit-breaker.ts";
import { callerOfChecks, healthCheckingOf, healthCheckView } from "../policies/health-check.ts";
import { balancingView, localityOf } from "../policies/load-balancing.ts";
import { clusterTimeouts, routedTimeouts, timeoutsOf } from "../policies/timeout.ts";
import { parseProtocol, upstreamHttp } from "../protocol.ts";
import { realCluster } from "../services/real-cluster.ts";
import type { Protocol } from "../protocol.ts";
import { identityOf, meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ClusterView } from "../proxy-view.ts";
import type { GatewayScope } from "./gateway-scope.ts";
import type { GatewayHost } from "./host.ts";
import type { Backend } from "./route-entry.ts";

const bufferLimitBytes = 32_768;

export interface GatewayCluster {
  name: string;
  /** True if the gateway dials an external service itself, so that no proxy of the mesh will see the request. */
  external: boolean;
  /** What is hashed of a request to choose among its endpoints. */
  hashPolicies?: readonly HashPolicy[];
}

/** Adds the cluster of one backend of one host. A backend that could not be resolved has a name and no cluster. */
export function addGatewayCluster(
  scope: GatewayScope,
  host: GatewayHost,
  caller: GatewayCaller,
  { destination: destinationTags, target }: Pick<Backend, "destination" | "target">,
  routeProtocol: "http" | "tcp",
): GatewayCluster {
  const { contexts, context, builder, clientTls } = scope;
  if (target) {
    const name = destinationClusterName(destinationTags, host.tags);
    const { cluster, endpoints, hashPolicies, reasons } = realCluster(contexts, context, { ...scope, caller }, target, {
      name,
      bufferLimitBytes,
    });
    builder.cluster(cluster, endpoints, reasons);
    return { name, external: false, ...optional("hashPolicies", hashPolicies) };
  }
  const service = destinationTags[serviceTag] ?? "";
  if (service === unresolvedBackend) return { name: unresolvedBackend, external: false };
  const name = destinationClusterName(destinationTags, host.tags);
  const destination = resolveDestination(contexts, context, destinationTags);
  if (!destination) return { name, external: false };

  const facts = context.service(service);
  const direct = facts.external && !context.zoneEgress && !destination.crossMesh;
  const dialled = direct ? scope.dialled(service).filter((external) => matchesTags(destinationTags, external.tags)) : [];
  const external = dialled.length > 0;
  const declared = external ? facts.protocol : parseProtocol(destinationTags[protocolTag]);
  // Over HTTP/1.1 a gRPC answer would lose the trailers that say how it went.
  const needsHttp2 = routeProtocol === "http" && (facts.protocol === "grpc" || facts.protocol === "http2");
  const protocol: Protocol = declared !== "unknown" ? declared : needsHttp2 ? facts.protocol : routeProtocol;
  const called = { kind: "service", tags: destinationTags } as const;
  const timeouts = caller.towards(timeoutsOf(protocol), called);
  const breaking = caller.towards(circuitBreaking, called);
  const checking = caller.towards(healthCheckingOf(protocol), called);
  const balancing = caller.towards(loadBalancing, called);
  const asker = callerOfChecks(checking.conf, scope.sources);
  const key = JSON.stringify([
    "gateway",
    name,
    destination.upstream.mtls,
    protocol,
    timeouts.key,
    breaking.key,
    checking.key,
    asker,
    balancing.key,
    clientTls.key,
    dialled.map(identityOf),
    facts,
    scope.ipv6,
  ]);
  const isOfMesh = !facts.external || destination.crossMesh;
  const cluster = context.memo.share(key, (): ClusterView => {
    const identity = facts.external && context.zoneEgress && !destination.crossMesh ? zoneEgressService : service;
    const own = upstreamTls(context, destination.upstream, identity, destination.tags);
    return {
      ...clusterNames(name),
      ...(external ? externalDiscovery(dialled, scope.ipv6) : { discovery: { type: "eds" } }),
      ...clusterTimeouts(timeouts.conf ?? routedTimeouts, protocol),
      ...optional("http", upstreamHttp(protocol)),
      perConnectionBufferLimitBytes: bufferLimitBytes,
      ...(external ? {} : optional("tls", own && isOfMesh ? { ...own, ...clientTls.conf?.parameters } : own)),
      ...balancingView(balancing.conf, { type: "roundRobin" }),
      ...circuitBreakerView(breaking.conf),
      ...healthCheckView(checking.conf, protocol, asker),
    };
  });
  const reasons = (): Reasons => ({
    from: [
      ...externalSources(
        context,
        dialled.map((one) => one.name),
      ),
      ...endpointSources(contexts, destination.upstream, external ? [] : endpointsWith(destination.endpoints(), destination.tags)),
      refOf(destination.upstream.mesh, meshSection(destination.upstream)),
    ],
    policies: [
      ...timeouts.account(),
      ...breaking.account(),
      ...checking.account(),
      ...balancing.account(),
      ...(isOfMesh && cluster.tls ? clientTls.account() : []),
      ...(direct ? dialPermission(context, dialled, ({ tags }) => matchesTags(destinationTags, tags)) : []),
    ],
  });
  const locality = localityOf(balancing.conf, context.locality, scope.sources);
  builder.cluster(cluster, external ? undefined : destinationEndpoints(context, name, destination, locality), reasons);
  return { name, external, ...optional("hashPolicies", balancing.conf?.hashPolicies) };
}
