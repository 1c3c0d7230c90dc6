import type { ServiceIdentity } from "@atoll/names";
import { fnv1a64, type ServiceType } from "@atoll/resource";

/** Names by which users, dashboards and proxies of other zones know a port of a service that is a resource: policies.md 6, "Names". */

const shortNames = { MeshService: "msvc", MeshExternalService: "extsvc", MeshMultiZoneService: "mzsvc" } as const satisfies Record<
  ServiceType,
  string
>;
const sniNames = { MeshService: "ms", MeshExternalService: "mes", MeshMultiZoneService: "mzms" } as const satisfies Record<
  ServiceType,
  string
>;
const longestLabel = 62;

/** Its cluster, wherever it is called from; parts that are empty stay. */
export const destinationName = (type: ServiceType, { mesh, displayName, namespace, zone }: ServiceIdentity, port: number): string =>
  `${mesh}_${displayName}_${namespace}_${zone}_${shortNames[type]}_${port}`;

/** What a client says to the zone proxies on the way, and to the service; a DNS name, whatever the service is called. */
export function destinationSni(type: ServiceType, name: string, mesh: string, port: number): string {
  const hash = fnv1a64(`${name};${mesh};`).toString(16).padStart(16, "0");
  return `a${hash}.${shortened(name)}.${port}.${shortened(mesh)}.${sniNames[type]}`;
}

const shortened = (name: string): string => (name.length > longestLabel ? `${name.slice(0, longestLabel)}x` : name);
