import {
  copyFromGlobal,
  label,
  serviceRecordType,
  type MeshExternalServiceSpec,
  type MeshMultiZoneServiceSpec,
  type MeshServiceSpec,
  type Resource,
  type ServiceRecord,
  type ServiceRecordSpec,
  type ServiceType,
  type WithStatus,
} from "@atoll/resource";

/** A service of a mesh as one zone knows it. */
interface Known<Type extends ServiceType, Spec> {
  type: Type;
  mesh: string;
  /** Its own by their name, others by their synced name. */
  name: string;
  labels: Readonly<Record<string, string>>;
  spec: Spec;
  /** RFC 3339, by whoever has it. */
  creationTime: string;
  /** Written in this zone. */
  local: boolean;
}

export type ZoneMeshService = Known<"MeshService", MeshServiceSpec>;
export type ZoneExternalService = Known<"MeshExternalService", MeshExternalServiceSpec>;
export type ZoneMultiZoneService = Known<"MeshMultiZoneService", MeshMultiZoneServiceSpec>;
export type ZoneService = ZoneMeshService | ZoneExternalService | ZoneMultiZoneService;

/** The parts of a service's identity, as policies and outbounds name it. */
export interface ServiceIdentity {
  mesh: string;
  displayName: string;
  namespace: string;
  zone: string;
}

export const identityOf = ({ mesh, name, labels }: Pick<ZoneService, "mesh" | "name" | "labels">): ServiceIdentity => ({
  mesh,
  displayName: labels[label.displayName] ?? name,
  namespace: labels[label.kubernetesNamespace] ?? "",
  zone: labels[label.zone] ?? "",
});

/** Read side of a folded state. */
export interface Reader {
  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[];
}

/** A MeshService of another zone: what its `RemoteService` says, under the name that this zone gives it. */
export interface SharedService {
  name: string;
  remote: NonNullable<ServiceRecord["remote"]>;
}

/** Other zones' MeshServices of a mesh, as the records of this zone have them. */
export const recordedServices = (zoneResources: Reader, mesh: string): SharedService[] =>
  zoneResources.list<ServiceRecordSpec>(serviceRecordType, mesh).flatMap(({ spec: { name, service } }) => {
    const remote = service?.remote;
    return remote === undefined ? [] : [{ name, remote }];
  });

/** Everything that can be called in a mesh, from one zone: its own, what global has, and the MeshServices of other zones. */
export function zoneServices(
  mesh: string,
  { config, zoneResources, shared }: { config: Reader; zoneResources: Reader; shared: readonly SharedService[] },
): ZoneService[] {
  const own = <Type extends ServiceType, Spec>(type: Type): Known<Type, Spec>[] =>
    zoneResources.list<WithStatus<Spec>>(type, mesh).map(({ name, labels = {}, spec: { spec }, creationTime }) => {
      return { type, mesh, name, labels, spec, creationTime, local: true };
    });
  const global = <Type extends ServiceType, Spec>(type: Type): Known<Type, Spec>[] =>
    config.list<WithStatus<Spec>>(type, mesh).map((resource) => {
      const { spec, creationTime } = { ...resource, spec: resource.spec.spec };
      return { type, mesh, ...copyFromGlobal(resource), spec, creationTime, local: false };
    });
  return [
    ...own<"MeshService", MeshServiceSpec>("MeshService"),
    ...shared.map(({ name, remote: { labels, spec, creationTime } }): ZoneMeshService => {
      return { type: "MeshService", mesh, name, labels, spec, creationTime, local: false };
    }),
    ...own<"MeshExternalService", MeshExternalServiceSpec>("MeshExternalService"),
    ...global<"MeshExternalService", MeshExternalServiceSpec>("MeshExternalService"),
    ...global<"MeshMultiZoneService", MeshMultiZoneServiceSpec>("MeshMultiZoneService"),
  ];
}

/** The MeshServices that a MeshMultiZoneService stands for, sorted by name. */
export const matchedServices = ({ spec }: Pick<ZoneMultiZoneService, "spec">, services: readonly ZoneService[]): ZoneMeshService[] =>
  services
    .filter((one): one is ZoneMeshService => one.type === "MeshService" && matchesLabels(spec.selector.meshService.matchLabels, one.labels))
    .toSorted((a, b) => compare(a.name, b.name));

export const matchesLabels = (wanted: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
