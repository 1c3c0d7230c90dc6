import { isIP } from "node:net";
import type { ZoneExternalService } from "@atoll/names";
import { circuitBreaking, EgressCaller, loadBalancing, resourceDestination, tlsVersions } from "@atoll/policy";
import type { HashPolicy } from "@atoll/policy";
import type { MeshExternalServiceSpec } from "@atoll/resource";
import { isDnsName } from "@atoll/resource";
import { dataSource } from "../external-service.ts";
import type { MeshContext } from "../mesh-context.ts";
import { clusterNames, downstreamTls } from "../mesh-tls.ts";
import { externalCaSecret, externalClientSecret, statName } from "../names.ts";
import { optional } from "../optional.ts";
import { circuitBreakerView } from "../policies/circuit-breaker.ts";
import { healthCheckingOf, healthCheckView } from "../policies/health-check.ts";
import { balancingView, connectionHash } from "../policies/load-balancing.ts";
import { defaultConnectTimeoutMs } from "../policies/timeout.ts";
import { isHttp, upstreamHttp } from "../protocol.ts";
import type { ClusterView, FilterChainView, RbacView, SanMatchView, SecretView, UpstreamTlsView } from "../proxy-view.ts";
import { meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { isReachable, portId, serviceRef } from "./real-service.ts";
import type { RealPort, RealService } from "./real-service.ts";

/** The ports of MeshExternalServices that a zone's egress dials. An extension is somebody else's to carry out. */
const dialledPorts = (context: MeshContext): { port: RealPort; of: RealService; service: ZoneExternalService }[] =>
  context.realServices.all.flatMap((of) => {
    const { service, ports } = of;
    if (service.type !== "MeshExternalService" || service.spec.extension || !isReachable(service, context.zone.zone)) return [];
    return (service.spec.endpoints ?? []).length === 0 ? [] : ports.map((port) => ({ port, of, service }));
  });

/** Ends mesh TLS for each MeshExternalService, and dials it. */
export function realEgressChains(
  context: MeshContext,
  ipv6: boolean,
  systemCa: string | undefined,
  builder: ViewBuilder,
): FilterChainView[] {
  const forbidden = context.mesh.spec.routing?.defaultForbidMeshExternalServiceAccess === true;
  const caller = new EgressCaller(context);
  return dialledPorts(context).map(({ port, of, service }) => {
    const called = resourceDestination(portId({ service: of, port }));
    const breaking = caller.towards(circuitBreaking, called);
    const checking = caller.towards(healthCheckingOf(port.protocol), called);
    const balancing = caller.towards(loadBalancing, called);
    const answers = [breaking.key, checking.key, balancing.key];
    const key = `real-egress/${JSON.stringify([port, service.spec, forbidden, ipv6, systemCa ?? "", answers])}`;
    const { chain, cluster } = context.memo.share(key, () => ({
      chain: egressChain(context, port, forbidden, balancing.conf?.hashPolicies),
      cluster: {
        ...egressCluster(port, service, ipv6, systemCa),
        ...circuitBreakerView(breaking.conf),
        ...healthCheckView(checking.conf, port.protocol),
        ...balancingView(balancing.conf),
      },
    }));
    const reasons = (): Reasons => ({
      from: [serviceRef(of), refOf(context.mesh, meshSection(context))],
      policies: [breaking, checking, balancing].flatMap((answer) => answer.account()),
    });
    builder.cluster(cluster, undefined, reasons);
    builder.because(chain, reasons);
    return chain;
  });
}

/** Secrets of the certificates that MeshExternalServices bring along. */
export const realEgressSecrets = (context: MeshContext): SecretView[] =>
  dialledPorts(context).flatMap(({ port: { cluster }, service: { mesh, spec } }): SecretView[] => {
    const { ca, certificate, key } = sourcesOf(spec.tls);
    return [
      ...(ca ? [{ name: externalCaSecret(mesh, cluster), source: { type: "ca" as const, mesh, data: ca } }] : []),
      ...(certificate && key
        ? [{ name: externalClientSecret(mesh, cluster), source: { type: "keyPair" as const, mesh, certificate, key } }]
        : []),
    ];
  });

function egressChain(
  context: MeshContext,
  { cluster, sni, protocol }: RealPort,
  forbidden: boolean,
  hashPolicies: readonly HashPolicy[] | undefined,
): FilterChainView {
  const rbac: RbacView = {
    statPrefix: `${statName(cluster)}.`,
    ...(forbidden ? { refuseRequests: true } : {}),
    policies: forbidden ? [] : [{ name: "allow-all-traffic", principals: [{ sans: [] }] }],
  };
  const statPrefix = statName(cluster);
  const clusters = [{ name: cluster, weight: 1 }];
  return {
    name: cluster,
    match: { transportProtocol: "tls", serverNames: [sni] },
    tls: downstreamTls(context),
    rbac,
    filter: isHttp(protocol)
      ? {
          type: "http",
          statPrefix,
          routes: {
            inline: {
              name: cluster,
              virtualHosts: [
                {
                  name: cluster,
                  domains: ["*"],
                  routes: [
                    {
                      match: { path: { prefix: "/" } },
                      action: { type: "forward", clusters, ...optional("hashPolicies", hashPolicies), autoHost: true },
                      timeoutMs: 0,
                    },
                  ],
                },
              ],
            },
          },
        }
      : { type: "tcp", statPrefix, clusters, ...optional("hashPolicy", connectionHash(hashPolicies)) },
  };
}

function egressCluster(
  { cluster, protocol }: RealPort,
  { mesh, spec }: ZoneExternalService,
  ipv6: boolean,
  systemCa: string | undefined,
): ClusterView {
  const endpoints = (spec.endpoints ?? []).map(({ address, port }) => ({ address, port, weight: 1 }));
  return {
    ...clusterNames(cluster),
    discovery: endpoints.every(({ address }) => isIP(address))
      ? { type: "static", endpoints }
      : { type: "dns", endpoints, family: ipv6 ? "auto" : "v4Only" },
    connectTimeoutMs: defaultConnectTimeoutMs,
    ...optional("http", upstreamHttp(protocol)),
    ...optional("tls", originatedTls(mesh, cluster, spec, systemCa)),
  };
}

function sourcesOf(tls: MeshExternalServiceSpec["tls"]) {
  const { mode = "Secured", caCert, clientCert, clientKey } = tls?.enabled ? (tls.verification ?? {}) : {};
  return {
    ca: mode === "SkipCA" || mode === "SkipAll" ? undefined : dataSource(caCert),
    certificate: mode === "SkipAll" ? undefined : dataSource(clientCert),
    key: mode === "SkipAll" ? undefined : dataSource(clientKey),
  };
}

/** TLS towards the service. Without a CA of its own it is verified by those of the egress's machine, where the egress says where these are. */
function originatedTls(
  mesh: string,
  cluster: string,
  { tls, endpoints = [] }: MeshExternalServiceSpec,
  systemCa: string | undefined,
): UpstreamTlsView | undefined {
  if (!tls?.enabled) return undefined;
  const { mode = "Secured", serverName, subjectAltNames = [] } = tls.verification ?? {};
  const { ca, certificate, key } = sourcesOf(tls);
  const skipsNames = mode === "SkipSAN" || mode === "SkipAll";
  const skipsCa = mode === "SkipCA" || mode === "SkipAll";
  const host = endpoints[0]?.address ?? "";
  const sni = (skipsNames ? undefined : serverName) || (isDnsName(host) && !isIP(host) ? host : undefined);
  const names: { exact?: string; prefix?: string }[] = [
    { exact: sni ?? host },
    ...subjectAltNames.map(({ type, value }) => (type === "Prefix" ? { prefix: value } : { exact: value })),
  ];
  const sans = names.flatMap((name): SanMatchView[] => [
    { type: "dns", ...name },
    { type: "ip", ...name },
  ]);
  const verified = ca !== undefined || (!skipsCa && systemCa !== undefined);
  return {
    ...(certificate && key ? { clientCertificate: externalClientSecret(mesh, cluster) } : {}),
    ...(ca ? { ca: externalCaSecret(mesh, cluster) } : !skipsCa && systemCa !== undefined ? { systemCa } : {}),
    ...(verified && !skipsNames ? { sans } : {}),
    ...(sni ? { sni } : {}),
    ...(tls.allowRenegotiation ? { allowRenegotiation: true } : {}),
    ...tlsVersions(tls.version),
  };
}
