import { type DataplaneInsightSpec, type DataplaneSpec, type ExternalServiceSpec, tag } from "@atoll/resource";
import type { Catalog } from "./catalog.ts";
import { type StatusField, statusFieldOf, withoutZeros } from "./proxy-status.ts";

export const serviceTypes = ["internal", "external", "gateway_delegated", "gateway_builtin"] as const;
export type ServiceType = (typeof serviceTypes)[number];

export interface ServiceInsight {
  mesh: string;
  name: string;
  type: ServiceType;
  status: "online" | "offline" | "partially_degraded" | "not_available";
  online: number;
  offline: number;
  issuedBackends: Record<string, number>;
  /** Only of external services. */
  address?: string;
  zones: string[];
}

/** Who offers each service of a mesh, and whether it is up. Computed when asked: nothing is stored, so nothing is stale. */
export function serviceInsights(catalog: Catalog, mesh: string): ServiceInsight[] {
  const services = new Map<string, ServiceInsight & { zoneSet: Set<string> }>();
  const add = (name: string, type: ServiceType, zone: string | undefined, status?: StatusField, backend?: string, address?: string) => {
    let service = services.get(name);
    if (service === undefined) {
      service = { mesh, name, type, status: "offline", online: 0, offline: 0, issuedBackends: {}, address, zones: [], zoneSet: new Set() };
      services.set(name, service);
    }
    if (backend) service.issuedBackends[backend] = (service.issuedBackends[backend] ?? 0) + 1;
    if (status === "online") service.online++;
    else if (status !== undefined) service.offline++;
    if (zone) service.zoneSet.add(zone);
  };
  const insights = new Map(catalog.list("DataplaneInsight", mesh).map(({ resource }) => [resource.name, resource.spec]));
  for (const { resource, zone } of catalog.list("Dataplane", mesh)) {
    const { networking } = resource.spec as DataplaneSpec;
    const insight = insights.get(resource.name) as DataplaneInsightSpec | undefined;
    const status = catalog.isAway(zone) ? "offline" : statusFieldOf(resource.spec as DataplaneSpec, insight);
    const backend = insight?.mTLS?.issuedBackend;
    if (networking?.gateway !== undefined) {
      const { tags = {}, type } = networking.gateway;
      add(tags[tag.service] ?? "", type === "BUILTIN" ? "gateway_builtin" : "gateway_delegated", tags[tag.zone], status, backend);
    }
    for (const { tags = {}, state } of networking?.inbound ?? []) {
      if (state !== "Ignored") add(tags[tag.service] ?? "", "internal", tags[tag.zone], status, backend);
    }
  }
  for (const { resource } of catalog.list("ExternalService", mesh)) {
    const { tags = {}, networking } = resource.spec as ExternalServiceSpec;
    add(tags[tag.service] ?? "", "external", tags[tag.zone], undefined, undefined, networking?.address);
  }
  return [...services.values()]
    .map(({ zoneSet, ...service }) => ({ ...service, status: serviceStatus(service), zones: [...zoneSet].toSorted() }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function serviceStatus({ type, online, offline }: ServiceInsight): ServiceInsight["status"] {
  if (type === "external") return "not_available";
  if (online === 0) return "offline";
  return offline === 0 ? "online" : "partially_degraded";
}

/** The fields of one item, without its meta. Zero values are left out, "internal" being one. */
export function renderServiceInsight(insight: ServiceInsight): object {
  const { name, type, status, online, offline, issuedBackends, address, zones } = insight;
  const addressPort = type === "internal" ? `${name}.mesh:80` : address;
  return {
    status,
    dataplanes: withoutZeros({ total: online + offline, online, offline }),
    ...(Object.keys(issuedBackends).length > 0 && { issuedBackends }),
    ...(type !== "internal" && { serviceType: type }),
    ...(addressPort !== undefined && { addressPort }),
    ...(zones.length > 0 && { zones }),
  };
}
