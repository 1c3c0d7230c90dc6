import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { tag } from "@atoll/resource";
import type { Tags } from "./proxy-view.ts";

/** Names that users, dashboards and other zones' proxies know: dataplane.md 2.1. */

export const serviceTag = tag.service;
export const meshTag = tag.mesh;
export const zoneTag = tag.zone;
export const protocolTag = tag.protocol;
export const externalServiceNameTag = tag.externalServiceName;
/** Identity under which every zone egress shows itself to the proxies of a mesh. */
export const zoneEgressService = "zone-egress";
/** Destination of a route whose backend could not be resolved; it has no cluster. */
export const unresolvedBackend = "kuma.io/unresolved-backend";

const hostPart = (address: string): string => (isIPv6(address) ? `[${address}]` : address);

export const inboundListenerName = (address: string, port: number): string => `inbound:${hostPart(address)}:${port}`;
export const outboundListenerName = (address: string, port: number): string => `outbound:${hostPart(address)}:${port}`;
export const gatewayListenerName = (gateway: string, protocol: string, port: number): string => `${gateway}:${protocol}:${port}`;
export const localClusterName = (port: number): string => `localhost:${port}`;
export const inboundRouteName = (service: string): string => `inbound:${service}`;
export const outboundRouteName = (service: string): string => `outbound:${service}`;
export const zoneProxyClusterName = (mesh: string, service: string): string => `${mesh}:${service}`;
export const egressChainName = (service: string, mesh: string): string => `${service}_${mesh}`;
export const tracingClusterName = (backend: string): string => `tracing:${backend}`;

const identityPrefix = "identity_cert:secret:";
const meshCaPrefix = "mesh_ca:secret:";
export const identitySecret = (mesh: string): string => `${identityPrefix}${mesh}`;
export const meshCaSecret = (mesh: string): string => `${meshCaPrefix}${mesh}`;
/** The mesh whose identity or CA a secret of that name is; undefined of another secret. */
export const identityMesh = (secret: string): string | undefined => afterPrefix(secret, identityPrefix);
export const meshCaMesh = (secret: string): string | undefined => afterPrefix(secret, meshCaPrefix);
const afterPrefix = (text: string, prefix: string) => (text.startsWith(prefix) ? text.slice(prefix.length) : undefined);
/** Certificate of an Envoy's admin listener, and the CA of those who may use it. */
/** In the certificate of a control plane that asks an Envoy's admin listener. */
export const adminClientName = "envoy-admin-client";
export const adminServerSecret = "envoy_admin:certificate";
export const adminClientsSecret = "envoy_admin:clients";
export const allMeshCasSecret = "mesh_ca:secret:all";
export const externalCaSecret = (mesh: string, externalService: string): string => `external_ca:${mesh}:${externalService}`;
export const externalClientSecret = (mesh: string, externalService: string): string => `external_cert:${mesh}:${externalService}`;

/** What Envoy allows in statistics: everything else becomes an underscore. */
export const statName = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_-]/g, "_");

export const spiffeId = (mesh: string, service: string): string => `spiffe://${mesh}/${service}`;

const byKey = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : a > b ? 1 : 0);

/** Entries of a tag set, sorted by key. */
export const sortedTags = (tags: Readonly<Tags>): [string, string][] => Object.entries(tags).sort(byKey);

/** The same tags without some keys, sorted, so that equal tag sets are equal JSON. */
export function withoutTags(tags: Readonly<Tags>, ...keys: string[]): Tags {
  const kept: Tags = {};
  for (const [key, value] of sortedTags(tags)) if (!keys.includes(key)) kept[key] = value;
  return kept;
}

/** SNI of mesh traffic: `svc{k=v,mesh=m}`, keys sorted, the service tag outside. */
export function sniFromTags(tags: Readonly<Tags>, mesh: string): string {
  const others = sortedTags({ ...tags, mesh }).filter(([key]) => key !== serviceTag);
  return `${tags[serviceTag] ?? ""}{${others.map(([key, value]) => `${key}=${value}`).join(",")}}`;
}

/**
 * Cluster of a destination: the service itself when nothing else tells it apart, else the service and a hash of the
 * destination's tags and of the tags that identify who asks (a gateway's listener).
 */
export function destinationClusterName(destination: Readonly<Tags>, identifying: Readonly<Tags> = {}): string {
  const service = destination[serviceTag] ?? "";
  const extra = sortedTags(identifying);
  if (extra.length === 0 && Object.keys(destination).length === 1) return service;
  const hash = createHash("sha256");
  for (const [key, value] of [...sortedTags(destination), ...extra]) hash.update(key + value);
  return `${service}-${hash.digest("hex").slice(0, 16)}`;
}
