import { identityOf, matchedServices } from "@atoll/names";
import type { ServiceIdentity, ZoneService } from "@atoll/names";
import type { ResourceId } from "@atoll/policy";
import { label, serviceRecordName, type Resource, type ServiceRecordSpec } from "@atoll/resource";
import { parseProtocol } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type { ResourceRef } from "../reasons.ts";
import { destinationName, destinationSni } from "./destination-names.ts";

/** A service that is a resource: MeshService, MeshExternalService or MeshMultiZoneService, as this zone's proxies call it. */
export interface RealService {
  service: ZoneService;
  identity: ServiceIdentity;
  /** What the zone gave it; undefined until it has. */
  vip: string | undefined;
  domains: readonly string[];
  ports: readonly RealPort[];
  /** Who shows itself as the service: any of these; none while nobody serves it, and for what is outside. */
  identities: readonly string[];
  /** False while some of its proxies in this zone may have no certificate. */
  tlsReady: boolean;
}

export interface RealPort {
  /** Its name, or its number where it has none: what policies call it. */
  section: string;
  port: number;
  protocol: Protocol;
  /** Name of its cluster: tells it from every other port of every service. */
  cluster: string;
  sni: string;
}

/** One port of a service, as something to call. */
export interface RealTarget {
  service: RealService;
  port: RealPort;
}

/** The services with what the zone's records say of them. */
export function realServices(services: readonly ZoneService[], records: readonly Resource<ServiceRecordSpec>[]): RealService[] {
  const byName = new Map(records.map(({ name, spec }) => [name, spec]));
  const recordOf = ({ type, name }: ZoneService): ServiceRecordSpec | undefined => byName.get(serviceRecordName(type, name));
  const identitiesOf = (service: ZoneService): string[] => {
    if (service.type === "MeshExternalService") return [];
    if (service.type === "MeshMultiZoneService") return [...new Set(matchedServices(service, services).flatMap(identitiesOf))].sort();
    const known = recordOf(service)?.service?.observed?.identities ?? service.spec.identities ?? [];
    return known.map(({ value }) => value);
  };
  return services.map((service) => {
    const record = recordOf(service);
    const identity = identityOf(service);
    return {
      service,
      identity,
      vip: record?.service ? record.vip : undefined,
      domains: (record?.service?.addresses ?? []).map(({ hostname }) => hostname),
      ports: portsOf(service, identity),
      identities: identitiesOf(service),
      tlsReady: service.type !== "MeshService" || !service.local || record?.service?.observed?.tls.status === "Ready",
    };
  });
}

/** How policies name a port of the service. */
export const portId = ({ service: { service, identity }, port }: RealTarget): ResourceId => ({
  type: service.type,
  mesh: identity.mesh,
  zone: identity.zone,
  namespace: identity.namespace,
  name: identity.displayName,
  sectionName: service.type === "MeshExternalService" ? "" : port.section,
});

/** A MeshExternalService that names a zone is there alone. */
export const isReachable = ({ labels }: Pick<ZoneService, "labels">, zone: string): boolean => (labels[label.zone] ?? zone) === zone;

/** The resource behind a service, for the reasons of what is made from it. */
export const serviceRef = ({ service: { type, mesh, name } }: RealService, port?: RealPort): ResourceRef => ({
  ...{ type, mesh, name, revision: 0 },
  ...(port && { section: `port ${port.section}` }),
});

function portsOf(service: ZoneService, identity: ServiceIdentity): RealPort[] {
  const port = (number: number, name: string | undefined, protocol: string): RealPort => ({
    section: name || String(number),
    port: number,
    protocol: parseProtocol(protocol),
    cluster: destinationName(service.type, identity, number),
    sni: destinationSni(service.type, sniName(service, identity), service.mesh, number),
  });
  if (service.type === "MeshExternalService") return [port(service.spec.match.port, undefined, service.spec.match.protocol)];
  return (service.spec.ports ?? []).map(({ port: number, name, appProtocol }) => port(number, name, appProtocol));
}

function sniName({ type, name, labels }: ZoneService, { displayName, namespace }: ServiceIdentity): string {
  if (type !== "MeshService") return displayName;
  const known = labels[label.origin] === "global" ? displayName : name;
  return namespace === "" ? known : `${known}.${namespace}`;
}
