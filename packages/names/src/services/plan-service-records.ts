import { isIP } from "node:net";
import {
  clusterIpOf,
  equalJson,
  serviceRecordName,
  type DataplaneInsightSpec,
  type MatchedMeshService,
  type RemoteService,
  type Resource,
  type ServiceRecord,
  type ServiceRecordSpec,
  type ServiceType,
} from "@atoll/resource";
import { allocateVips } from "./allocate-vips.ts";
import { generateHostnames, type HostnameGenerator, type ServiceNames } from "./generate-hostnames.ts";
import { observedMeshService } from "./observe-mesh-service.ts";
import type { MeshDataplanes } from "./mesh-dataplanes.ts";
import { compare, identityOf, matchedServices, type SharedService, type ZoneMultiZoneService, type ZoneService } from "./zone-service.ts";

/** A mesh as a zone knows it. */
export interface ServiceMesh {
  name: string;
  hasMutualTls: boolean;
  services: readonly ZoneService[];
  /** Those of `services` that other zones have. */
  shared: readonly SharedService[];
  dataplanes: Pick<MeshDataplanes, "selectedBy">;
  /** Who changes what it answers for a Dataplane touches that. */
  insightOf: (dataplane: string) => DataplaneInsightSpec | undefined;
}

export interface ServiceRecordInput {
  zone: string;
  cidrs: Readonly<Record<ServiceType, string>>;
  meshes: readonly ServiceMesh[];
  generators: readonly HostnameGenerator[];
  /** Of all meshes, also of those that are gone. */
  present: readonly Resource<ServiceRecordSpec>[];
  /** Records of services that are gone that may keep their address, over all meshes; the longest unused are forgotten first. */
  keepUnused: number;
}

export interface ServiceRecordPlan {
  /** Those that are right already are not among them. */
  put: { mesh: string; name: string; spec: ServiceRecordSpec }[];
  delete: { mesh: string; name: string }[];
  /** Services for which there is no address left. */
  without: { mesh: string; name: string }[];
}

const keyOf = ({ mesh, name }: { mesh: string; name: string }): string => `${mesh}/${name}`;

/** What the records of a zone's services must be, from what they are: addresses and names that were given stay. */
export function planServiceRecords({ zone, cidrs, meshes, generators, present, keepUnused }: ServiceRecordInput): ServiceRecordPlan {
  const plan: ServiceRecordPlan = { put: [], delete: [], without: [] };
  const before = new Map(present.map((record) => [keyOf(record), record]));
  const wanted = meshes.flatMap(({ services }) =>
    services.map((service) => {
      const { mesh, type } = service;
      return { mesh, name: serviceRecordName(type, service.name), type, clusterIp: clusterIpOfService(service) };
    }),
  );
  const { vips } = allocateVips({
    cidrs,
    wanted: wanted.flatMap((one) => (one.clusterIp === undefined ? [{ record: keyOf(one), type: one.type }] : [])),
    present: new Map(present.map((record) => [keyOf(record), record.spec.vip])),
  });
  for (const one of wanted) if (one.clusterIp !== undefined) vips.set(keyOf(one), one.clusterIp);
  for (const mesh of meshes) {
    for (const made of recordsOf(zone, mesh, generators, before)) {
      const key = keyOf(made);
      const vip = vips.get(key);
      if (vip === undefined) {
        plan.without.push({ mesh: made.mesh, name: made.name });
        continue;
      }
      const spec = { ...made.spec, vip };
      if (!equalJson(before.get(key)?.spec, spec)) plan.put.push({ mesh: made.mesh, name: made.name, spec });
    }
  }
  const isWanted = new Set(wanted.map(keyOf));
  const unused = present.filter((record) => !isWanted.has(keyOf(record))).toSorted(byUse);
  for (const [index, { mesh, name, spec }] of unused.entries()) {
    if (index >= keepUnused) plan.delete.push({ mesh, name });
    else if (spec.service) plan.put.push({ mesh, name, spec: { type: spec.type, name: spec.name, vip: spec.vip } });
  }
  return plan;
}

/** On Kubernetes a Service has its address already, at which its cluster's workloads call it. */
function clusterIpOfService({ type, local, labels }: ZoneService): string | undefined {
  const service = labels["k8s.kuma.io/service-name"];
  const address = type === "MeshService" && local && service !== undefined ? clusterIpOf(labels, service) : undefined;
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}

/** Those in use until now first, then the latest given up. */
const byUse = (a: Resource<ServiceRecordSpec>, b: Resource<ServiceRecordSpec>): number =>
  Number(b.spec.service !== undefined) - Number(a.spec.service !== undefined) ||
  compare(b.modificationTime, a.modificationTime) ||
  compare(keyOf(a), keyOf(b));

type Made = { mesh: string; name: string; spec: Omit<ServiceRecordSpec, "vip"> & { service: ServiceRecord } };

function recordsOf(
  zone: string,
  { services, shared, dataplanes, insightOf, hasMutualTls }: ServiceMesh,
  generators: readonly HostnameGenerator[],
  before: ReadonlyMap<string, Resource<ServiceRecordSpec>>,
): Made[] {
  const remotes = new Map<string, RemoteService>(shared.map(({ name, remote }) => [name, remote]));
  const recordOf = ({ type, mesh, name }: ZoneService): ServiceRecord | undefined =>
    before.get(keyOf({ mesh, name: serviceRecordName(type, name) }))?.spec.service;
  const names = generateHostnames(zone, generators, services, (service) => recordOf(service)?.addresses ?? []);
  const parts = (service: ZoneService): Partial<ServiceRecord> => {
    if (service.type === "MeshMultiZoneService") return { meshServices: matches(service, services) };
    if (service.type === "MeshExternalService") return {};
    if (!service.local) return { remote: remotes.get(service.name)! };
    const selected = dataplanes.selectedBy(service.spec.selector);
    return { observed: observedMeshService(service.spec, selected, insightOf, { hasMutualTls }, recordOf(service)?.observed) };
  };
  return services.map((service, position) => {
    const { type, mesh, name } = service;
    const made: ServiceRecord = { ...parts(service), ...(names[position] as ServiceNames) };
    return { mesh, name: serviceRecordName(type, name), spec: { type, name, service: made } };
  });
}

const matches = (service: ZoneMultiZoneService, services: readonly ZoneService[]): MatchedMeshService[] =>
  matchedServices(service, services).map((one) => {
    const { displayName, namespace, zone, mesh } = identityOf(one);
    return { name: displayName, namespace, zone, mesh };
  });
