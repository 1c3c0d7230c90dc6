import type { Tags, TlsParameters } from "@atoll/policy";
import type { MeshContext } from "./mesh-context.ts";
import { identitySecret, meshCaSecret, sniFromTags, spiffeId, statName } from "./names.ts";
import type { ClusterView, DownstreamTlsView, UpstreamTlsView } from "./proxy-view.ts";

/** Application protocol by which a mesh connection is told from any other TLS. */
export const meshAlpn = "kuma";

/**
 * Client side of mesh mutual TLS towards `service`, which is the service itself or the zone egress. `upstream` is the mesh that
 * has the service. undefined while either mesh has no mutual TLS, or the service may still have proxies without it.
 */
export function upstreamTls(context: MeshContext, upstream: MeshContext, service: string, tags: Tags): UpstreamTlsView | undefined {
  if (context.mtls === "off" || upstream.mtls === "off") return undefined;
  const { tlsReadyServices } = context.options;
  if (upstream.mtls === "PERMISSIVE" && tlsReadyServices && !tlsReadyServices.has(service)) return undefined;
  return {
    certificate: identitySecret(context.name),
    ca: meshCaSecret(upstream.name),
    sans: [{ type: "uri", exact: spiffeId(upstream.name, service) }],
    alpn: [meshAlpn],
    sni: sniFromTags(tags, upstream.name),
  };
}

/** Server side of mesh mutual TLS: any identity of the mesh may connect. */
export const downstreamTls = (context: MeshContext, parameters: TlsParameters = {}): DownstreamTlsView => ({
  certificates: [identitySecret(context.name)],
  ca: meshCaSecret(context.name),
  sans: [{ type: "uri", prefix: spiffeId(context.name, "") }],
  ...parameters,
});

/** A cluster's name with the name its statistics need, if another. */
export const clusterNames = (name: string): Pick<ClusterView, "name" | "altStatName"> => {
  const altStatName = statName(name);
  return altStatName === name ? { name } : { name, altStatName };
};
