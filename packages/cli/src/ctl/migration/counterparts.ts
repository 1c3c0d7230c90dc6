/** What to write instead of a policy that has no effect. */
const counterparts: Readonly<Record<string, string>> = {
  MeshAccessLog: "TrafficLog",
  MeshProxyPatch: "ProxyTemplate",
  MeshHTTPRoute: "TrafficRoute",
  MeshTCPRoute: "TrafficRoute",
  MeshLoadBalancingStrategy: "TrafficRoute (conf.loadBalancer)",
  MeshMetric: "Mesh (metrics)",
  MeshPassthrough: "Mesh (networking.outbound.passthrough)",
  MeshTLS: "Mesh (mtls)",
};

/** The counterpart of a document, undefined where there is none. Routes of a gateway are MeshGatewayRoutes. */
export function counterpartOf(type: string, spec: unknown): string | undefined {
  const top = (spec as { targetRef?: { kind?: string } } | undefined)?.targetRef?.kind;
  if (top === "MeshGateway" && (type === "MeshHTTPRoute" || type === "MeshTCPRoute")) return "MeshGatewayRoute";
  return counterparts[type];
}
