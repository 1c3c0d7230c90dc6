import type { ResourceReader } from "@atoll/replica";
import {
  kindOf,
  kinds,
  label,
  policyRole,
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
  if (type === "MeshService" || policyTypes.has(type)) return { type, mesh, name };
  const prefix = serviceRecordName("MeshService", "");
  if (type !== serviceRecordType || !name.startsWith(prefix)) return undefined;
  return { type: "MeshService", mesh, name: name.slice(prefix.length) };
}

/**
 * What a zone has that other zones need as well: its MeshServices, with whether anybody serves them and who may, and without the addresses
 * and names that they have in this zone alone; and the policies that say how its services are called everywhere.
 */
export const sharedResources = (resources: ResourceReader): SharedResource[] => [
  ...resources.list<WithStatus<MeshServiceSpec>>("MeshService").map((service) => shared(resources, service)),
  ...[...policyTypes].flatMap((type) => resources.list(type).filter(isProducerPolicy)).map(asWritten),
];

/** One of them. */
export function sharedResource(resources: ResourceReader, { type, mesh, name }: ResourceKey): SharedResource | undefined {
  if (type === "MeshService") {
    const service = resources.get<WithStatus<MeshServiceSpec>>(type, mesh, name);
    return service && shared(resources, service);
  }
  const policy = resources.get(type, mesh, name);
  return policy && isProducerPolicy(policy) ? asWritten(policy) : undefined;
}

/** Kinds of policies of which zones share some. */
const policyTypes: ReadonlySet<string> = new Set(
  kinds.filter(({ policy, plugin, sync }) => policy && plugin && sync.betweenZones).map(({ type }) => type),
);

/**
 * Whether a policy says how a service of its own namespace is called by everybody. What its label says is not enough: else who writes in
 * one namespace of one zone would decide for all of the mesh. Outside of Kubernetes there are no namespaces, and so no such policies.
 */
export function isProducerPolicy({ type, labels, spec }: Pick<Resource, "type" | "labels" | "spec">): boolean {
  const namespace = labels?.[label.kubernetesNamespace];
  if (!policyTypes.has(type) || !namespace || labels?.[label.policyRole] !== "producer") return false;
  const computed = policyRole(kindOf(type)!, spec, namespace, "");
  return "role" in computed && computed.role === "producer";
}

const asWritten = ({ type, mesh, name, labels, spec, creationTime }: Resource): SharedResource => ({
  ...{ type, mesh, name, ...(labels && { labels }), creationTime, spec },
});

function shared(resources: ResourceReader, service: Resource<WithStatus<MeshServiceSpec>>): SharedResource {
  const { type, mesh, name, labels, spec, creationTime } = service;
  const record = resources.get<ServiceRecordSpec>(serviceRecordType, mesh, serviceRecordName("MeshService", name));
  const { identities, state } = record?.spec.service?.observed ?? {};
  return {
    ...{ type, mesh, name, ...(labels && { labels }), creationTime },
    spec: { ...spec.spec, ...(identities && { identities }), ...(state && { state }) },
  };
}
