import type { MeshServiceSpec } from "./service-resources.ts";

/** Type of the records in a zone's log that say what the zone gave to a service: its address, its names, and what it observes of it. */
export const serviceRecordType = "ServiceRecord";

export const serviceTypes = ["MeshService", "MeshExternalService", "MeshMultiZoneService"] as const;
export type ServiceType = (typeof serviceTypes)[number];

/**
 * One MeshService, MeshExternalService or MeshMultiZoneService in one zone. Its address was allocated once and stays, also while the service
 * is gone. Only the zone's writer writes it; it is never on REST as such. The record is called `<type>:<name of the service in the zone>`.
 */
export interface ServiceRecordSpec {
  type: ServiceType;
  /** As the zone knows it: its own by their name, others by their synced name. */
  name: string;
  vip: string;
  /** Absent: nobody has the service now, and its address is kept for it. */
  service?: ServiceRecord;
}

export interface ServiceRecord {
  /** Of a MeshService that another zone has: what that zone says of it. The others are read where they are written. */
  remote?: RemoteService;
  addresses: ServiceAddress[];
  hostnameGenerators: HostnameGeneratorStatus[];
  /** Of a MeshService of this zone. */
  observed?: {
    tls: { status: "Ready" | "NotReady" };
    dataplaneProxies: { connected?: number; healthy?: number; total?: number };
    identities: NonNullable<MeshServiceSpec["identities"]>;
    state: MeshServiceSpec["state"];
  };
  /** Of a MeshMultiZoneService. */
  meshServices?: MatchedMeshService[];
}

export interface RemoteService {
  zone: string;
  labels: Record<string, string>;
  spec: MeshServiceSpec;
  /** RFC 3339, by the zone that has it. */
  creationTime: string;
}

export interface ServiceAddress {
  hostname: string;
  origin: "HostnameGenerator";
  hostnameGeneratorRef: { coreName: string };
}

export interface HostnameGeneratorStatus {
  hostnameGeneratorRef: { coreName: string };
  conditions: { type: "Generated"; status: "True" | "False"; reason: "Generated" | "TemplateError" | "Collision"; message: string }[];
}

export interface MatchedMeshService {
  name: string;
  namespace: string;
  zone: string;
  mesh: string;
}

export const serviceRecordName = (type: ServiceType, name: string): string => `${type}:${name}`;
