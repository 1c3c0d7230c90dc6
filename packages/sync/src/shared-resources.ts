import type { ResourceReader } from "@atoll/replica";
import { serviceRecordName, serviceRecordType, type MeshServiceSpec, type ServiceRecordSpec, type WithStatus } from "@atoll/resource";
import type { SharedResource } from "./inventory-records.ts";

/** Types of what `sharedResources` is made from. */
export const sharedTypes: readonly string[] = ["MeshService", serviceRecordType];

/**
 * What a zone has that other zones need as well: its MeshServices, with whether anybody serves them and who may, and without the addresses
 * and names that they have in this zone alone.
 */
export function sharedResources(resources: ResourceReader): SharedResource[] {
  return resources.list<WithStatus<MeshServiceSpec>>("MeshService").map(({ type, mesh, name, labels, spec, creationTime }) => {
    const record = resources.get<ServiceRecordSpec>(serviceRecordType, mesh, serviceRecordName("MeshService", name));
    const { identities, state } = record?.spec.service?.observed ?? {};
    return {
      ...{ type, mesh, name, ...(labels && { labels }), creationTime },
      spec: { ...spec.spec, ...(identities && { identities }), ...(state && { state }) },
    };
  });
}
