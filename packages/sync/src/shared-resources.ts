import type { ResourceReader } from "@atoll/replica";
import {
  serviceRecordName,
  serviceRecordType,
  type MeshServiceSpec,
  type Resource,
  type ResourceKey,
  type ServiceRecordSpec,
  type WithStatus,
} from "@atoll/resource";
import type { SharedResource } from "./inventory-records.ts";

/** The key of a shared resource that is made from one of these types; undefined of what is shared with nobody. */
export function sharedKeyOf({ type, mesh, name }: ResourceKey): ResourceKey | undefined {
  if (type === "MeshService") return { type, mesh, name };
  const prefix = serviceRecordName("MeshService", "");
  if (type !== serviceRecordType || !name.startsWith(prefix)) return undefined;
  return { type: "MeshService", mesh, name: name.slice(prefix.length) };
}

/**
 * What a zone has that other zones need as well: its MeshServices, with whether anybody serves them and who may, and without the addresses
 * and names that they have in this zone alone.
 */
export const sharedResources = (resources: ResourceReader): SharedResource[] =>
  resources.list<WithStatus<MeshServiceSpec>>("MeshService").map((service) => shared(resources, service));

/** One of them. */
export function sharedResource(resources: ResourceReader, { mesh, name }: ResourceKey): SharedResource | undefined {
  const service = resources.get<WithStatus<MeshServiceSpec>>("MeshService", mesh, name);
  return service && shared(resources, service);
}

function shared(resources: ResourceReader, service: Resource<WithStatus<MeshServiceSpec>>): SharedResource {
  const { type, mesh, name, labels, spec, creationTime } = service;
  const record = resources.get<ServiceRecordSpec>(serviceRecordType, mesh, serviceRecordName("MeshService", name));
  const { identities, state } = record?.spec.service?.observed ?? {};
  return {
    ...{ type, mesh, name, ...(labels && { labels }), creationTime },
    spec: { ...spec.spec, ...(identities && { identities }), ...(state && { state }) },
  };
}
