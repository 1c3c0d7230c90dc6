import { circuitBreaking, loadBalancing, resourceDestination } from "@atoll/policy";
import type { Answer, Caller, HashPolicy, MutualTls, Tags } from "@atoll/policy";
import type { Fact } from "@atoll/facts";
import { endpointSet } from "../endpoint.ts";
import { endpointSources } from "../endpoint-sources.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { clusterNames, meshAlpn } from "../mesh-tls.ts";
import { identitySecret, meshCaSecret, spiffeId, zoneEgressService } from "../names.ts";
import { optional } from "../optional.ts";
import { circuitBreakerView } from "../policies/circuit-breaker.ts";
import { callerOfChecks, healthCheckingOf, healthCheckView } from "../policies/health-check.ts";
import { balancingView, localityOf } from "../policies/load-balancing.ts";
import { clusterTimeouts, timeoutsOf } from "../policies/timeout.ts";
import { upstreamHttp } from "../protocol.ts";
import type { ClusterView, EndpointSetView, UpstreamTlsView } from "../proxy-view.ts";
import { meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import { portId, serviceRef } from "./real-service.ts";
import type { RealTarget } from "./real-service.ts";

export interface RealCluster {
  cluster: ClusterView;
  endpoints: Fact<EndpointSetView>;
  /** What is hashed of a request to choose among its endpoints. */
  hashPolicies?: readonly HashPolicy[] | undefined;
  reasons: () => Reasons;
}

/** Who calls, with its tag sets and what its mesh says of mutual TLS. */
export interface RealCaller {
  caller: Caller;
  sources: readonly Tags[];
  clientTls: Answer<MutualTls>;
}

/** How a gateway at the edge of the mesh calls: what its clusters are named, and how many bytes of a slow reader it keeps. */
export interface EdgeCluster {
  name: string;
  bufferLimitBytes: number;
}

/** How a sidecar calls a port of a service that is a resource, or a gateway: in the protocol of its own requests, which sidecars carry as HTTP/2. */
export function realCluster(
  contexts: MeshContexts,
  context: MeshContext,
  { caller, sources, clientTls: said }: RealCaller,
  target: RealTarget,
  edge?: EdgeCluster,
): RealCluster {
  const name = edge?.name ?? target.port.cluster;
  const { service, port } = target;
  const external = service.service.type === "MeshExternalService";
  const called = resourceDestination(portId(target));
  const timeouts = caller.towards(timeoutsOf(port.protocol), called);
  // An egress dials what is outside, and judges its health.
  const [breaking, checking, balancing] = external
    ? []
    : [
        caller.towards(circuitBreaking, called),
        caller.towards(healthCheckingOf(port.protocol), called),
        caller.towards(loadBalancing, called),
      ];
  const own = clientTls(context, target);
  const tls = own && !external ? { ...own, ...said.conf?.parameters } : own;
  const asker = callerOfChecks(checking?.conf, sources);
  const keys = [timeouts.key, breaking?.key, checking?.key, asker, balancing?.key];
  const key = JSON.stringify([name, edge?.bufferLimitBytes, tls, port.protocol, ...keys]);
  const cluster = context.memo.share(`real/${key}`, (): ClusterView => {
    return {
      ...clusterNames(name),
      discovery: { type: "eds" },
      ...clusterTimeouts(timeouts.conf, port.protocol),
      ...optional("http", external || edge ? upstreamHttp(port.protocol) : "http2"),
      ...optional("perConnectionBufferLimitBytes", edge?.bufferLimitBytes),
      ...optional("tls", tls),
      ...circuitBreakerView(breaking?.conf),
      ...healthCheckView(checking?.conf, port.protocol, asker),
      ...balancingView(balancing?.conf),
    };
  });
  // Instances of this zone first, whatever the mesh says of services by tags.
  const locality = localityOf(balancing?.conf, { zone: context.zone.zone, aware: true }, sources);
  const endpoints = context.memo.fact(`real-endpoints/${JSON.stringify([name, locality])}`, () =>
    endpointSet(name, context.realServices.endpoints(port.cluster), locality),
  );
  const reasons = (): Reasons => ({
    from: [
      serviceRef(service, port),
      ...endpointSources(contexts, context, context.realServices.endpoints(port.cluster)),
      refOf(context.mesh, meshSection(context)),
    ],
    policies: [timeouts, breaking, checking, balancing, ...(own && !external ? [said] : [])].flatMap((answer) => answer?.account() ?? []),
  });
  return { cluster, endpoints, hashPolicies: balancing?.conf?.hashPolicies, reasons };
}

/** Mutual TLS towards whoever serves the port: a zone egress, or any identity that the service has. */
function clientTls(context: MeshContext, { service, port }: RealTarget): UpstreamTlsView | undefined {
  if (context.mtls === "off" || (context.mtls === "PERMISSIVE" && !service.tlsReady)) return undefined;
  const external = service.service.type === "MeshExternalService";
  const identities = external ? [zoneEgressService] : service.identities;
  return {
    certificate: identitySecret(context.name),
    ca: meshCaSecret(context.name),
    // While nobody serves it nobody may pass for it: this is the identity of none.
    sans: (identities.length > 0 ? identities : [""]).map((identity) => ({ type: "uri", exact: spiffeId(context.name, identity) })),
    alpn: [meshAlpn],
    sni: port.sni,
  };
}
