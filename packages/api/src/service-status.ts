import type { ResourceReader } from "@atoll/replica";
import {
  serviceRecordName,
  serviceRecordType,
  serviceTypes,
  type MeshServiceSpec,
  type Resource,
  type ServiceRecord,
  type ServiceRecordSpec,
  type ServiceType,
  type WithStatus,
} from "@atoll/resource";

export const isServiceType = (type: string): type is ServiceType => (serviceTypes as readonly string[]).includes(type);

/** What a zone says of a service that it knows by this name. */
export const serviceRecordOf = (
  zone: ResourceReader | undefined,
  { type, mesh }: Pick<Resource, "type" | "mesh">,
  name: string,
): ServiceRecordSpec | undefined =>
  zone?.get<ServiceRecordSpec>(serviceRecordType, mesh, serviceRecordName(type as ServiceType, name))?.spec;

/** A service with the status that a zone's record gives it, in the order of fields that clients know. */
export function withStatus(shown: Resource, record: ServiceRecordSpec | undefined): Resource {
  const { spec } = shown.spec as WithStatus<object>;
  const service = record?.service;
  return {
    ...shown,
    spec: { spec: observedSpec(shown.type as ServiceType, spec, service), status: statusOf(shown.type as ServiceType, record) },
  };
}

function observedSpec(type: ServiceType, spec: object, service: ServiceRecord | undefined): object {
  if (type !== "MeshService" || !service?.observed) return spec;
  const { identities: _, ...written } = spec as MeshServiceSpec;
  const { state, identities } = service.observed;
  return { ...written, state, ...(identities.length > 0 && { identities }) };
}

function statusOf(type: ServiceType, record: ServiceRecordSpec | undefined): object {
  const { addresses = [], hostnameGenerators = [], observed, meshServices = [] } = record?.service ?? {};
  const named = { ...(addresses.length > 0 && { addresses }) };
  const generators = { ...(hostnameGenerators.length > 0 && { hostnameGenerators }) };
  const vips = record?.service ? { vips: [{ ip: record.vip }] } : {};
  if (type === "MeshExternalService") return { vip: record?.service ? { ip: record.vip } : {}, ...named, ...generators };
  if (type === "MeshMultiZoneService") return { ...named, ...vips, ...(meshServices.length > 0 && { meshServices }), ...generators };
  return { ...named, ...vips, tls: observed?.tls ?? {}, ...generators, dataplaneProxies: observed?.dataplaneProxies ?? {} };
}

/** MeshServices of other zones as this one shows them. */
export const remoteServices = (zone: ResourceReader | undefined): Resource[] =>
  (zone?.list<ServiceRecordSpec>(serviceRecordType) ?? []).flatMap((record) => remoteServiceOf(record) ?? []);

/** The MeshService of another zone that a record is of, if it is of one. */
export function remoteServiceOf({ mesh, spec, modificationTime }: Resource<ServiceRecordSpec>): Resource | undefined {
  const remote = spec.service?.remote;
  if (remote === undefined) return undefined;
  const { labels, creationTime } = remote;
  const resource = { type: "MeshService", mesh, name: spec.name, labels, creationTime, modificationTime, revision: 0 };
  return withStatus({ ...resource, spec: { spec: remote.spec } }, spec);
}
