import type { DataplaneInbound, DataplaneSpec, TagMap } from "./specs/index.ts";
import { tag, unknownService } from "./tags.ts";

/** The tag sets a dataplane is known by: its gateway's, or one per inbound that takes part in the mesh. */
export function tagSetsOf(spec: DataplaneSpec): TagMap[] {
  const { gateway, inbound = [] } = spec.networking;
  return gateway ? [gateway.tags] : inbound.filter((one) => one.state !== "Ignored").map((one) => one.tags);
}

/** Every value of each tag, sorted. */
export function tagValuesOf(spec: DataplaneSpec): Map<string, string[]> {
  const values = new Map<string, Set<string>>();
  for (const tags of tagSetsOf(spec)) {
    for (const [key, value] of Object.entries(tags)) values.set(key, (values.get(key) ?? new Set()).add(value));
  }
  return new Map([...values].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, set]) => [key, [...set].toSorted()]));
}

/** The first service of a dataplane in lexical order; "unknown" if it has none. */
export const identifyingServiceOf = (spec: DataplaneSpec): string => tagValuesOf(spec).get(tag.service)?.[0] ?? unknownService;

export const isHealthyInbound = (inbound: DataplaneInbound): boolean =>
  (inbound.state ?? "Ready") === "Ready" && (inbound.health === undefined || inbound.health.ready === true);

/** Inbounds that others may send requests to. */
export const healthyInboundsOf = (spec: DataplaneSpec): DataplaneInbound[] => (spec.networking.inbound ?? []).filter(isHealthyInbound);

export const isBuiltinGateway = (spec: DataplaneSpec): boolean => spec.networking.gateway?.type === "BUILTIN";

export const isDelegatedGateway = (spec: DataplaneSpec): boolean =>
  spec.networking.gateway !== undefined && (spec.networking.gateway.type ?? "DELEGATED") === "DELEGATED";

/** Where an inbound listens; of `application`, where the service itself listens. */
export function inboundAddressesOf(
  spec: DataplaneSpec,
  inbound: DataplaneInbound,
): { listen: Endpoint; application: Endpoint; routable: Endpoint } {
  const listenAddress = inbound.address ?? spec.networking.address;
  return {
    listen: { address: listenAddress, port: inbound.port },
    application: { address: inbound.serviceAddress ?? listenAddress, port: inbound.servicePort ?? inbound.port },
    routable: { address: spec.networking.advertisedAddress ?? listenAddress, port: inbound.port },
  };
}

export interface Endpoint {
  address: string;
  port: number;
}

/** Where others reach this proxy: the advertised address if there is one. */
export const routableAddressOf = (spec: DataplaneSpec): string => spec.networking.advertisedAddress ?? spec.networking.address;
