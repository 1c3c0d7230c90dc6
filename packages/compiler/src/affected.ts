import { kindOf, parseKeyString, type KeyString, type ResourceKey } from "@atoll/resource";
import type { ProxyKind } from "@atoll/view";

/** The kinds of proxies that a change can reach, in each mesh and in all of them. */
export interface Affected {
  everywhere: ReadonlySet<ProxyKind>;
  meshes: ReadonlyMap<string, ReadonlySet<ProxyKind>>;
}

const kinds = (...names: ProxyKind[]): ReadonlySet<ProxyKind> => new Set(names);
export const allKinds = kinds("sidecar", "gateway", "ingress", "egress");
const proxiesOfMeshes = kinds("sidecar", "gateway");
const allButIngress = kinds("sidecar", "gateway", "egress");
const allButEgress = kinds("sidecar", "gateway", "ingress");
const allButSidecar = kinds("gateway", "ingress", "egress");
const nobody = kinds();

export const unaffected: Affected = { everywhere: nobody, meshes: new Map() };
export const everyProxy: Affected = { everywhere: allKinds, meshes: new Map() };

/** Whose configuration is made of resources of a mesh. What is not listed reaches every proxy. */
const readersOf: Readonly<Record<string, ReadonlySet<ProxyKind>>> = {
  // Zone proxies learn from it by which tags its backends are asked for.
  MeshGatewayRoute: allButSidecar,
  // An egress reaches other zones and external services, nothing in its own zone.
  Dataplane: allButEgress,
  Timeout: proxiesOfMeshes,
  Retry: proxiesOfMeshes,
  CircuitBreaker: proxiesOfMeshes,
  HealthCheck: proxiesOfMeshes,
  TrafficLog: proxiesOfMeshes,
  TrafficTrace: proxiesOfMeshes,
  ProxyTemplate: proxiesOfMeshes,
  // An ingress passes on what it cannot look into.
  TrafficPermission: allButIngress,
  FaultInjection: allButIngress,
  RateLimit: allButIngress,
  VirtualIp: kinds("sidecar"),
  // What services speak that nobody has any more.
  ServiceProtocol: proxiesOfMeshes,
  TokenVerificationKey: nobody,
  ProxyRegistration: nobody,
  MeshInsight: nobody,
  ServiceInsight: nobody,
};

/** The same for resources of global scope, which reach into every mesh. */
const globalReadersOf: Readonly<Record<string, ReadonlySet<ProxyKind>>> = {
  Zone: allKinds,
  ZoneEgress: allKinds,
  // Those of other zones come with the inventory.
  ZoneIngress: kinds("ingress"),
};

/** What a change of these keys can affect. `onlineChanged` says whether an insight's change is one of being online. */
export function affectedBy(keys: readonly KeyString[], onlineChanged: (key: ResourceKey) => boolean): Affected {
  let everywhere: ReadonlySet<ProxyKind> = nobody;
  const meshes = new Map<string, ReadonlySet<ProxyKind>>();
  for (const text of keys) {
    const key = parseKeyString(text);
    const type = subjectOf(key, onlineChanged);
    if (type === undefined) continue;
    if (type === "Mesh") meshes.set(key.name, allKinds);
    else if (key.mesh === "") everywhere = union(everywhere, globalReadersOf[type] ?? nobody);
    else meshes.set(key.mesh, union(meshes.get(key.mesh) ?? nobody, readersOf[type] ?? allKinds));
  }
  return { everywhere, meshes: withoutNobody(meshes) };
}

/** Entries of other zones changed for some meshes, or (null) where their ingresses are and which zones are alive. */
export function affectedByInventory(meshes: ReadonlySet<string> | null): Affected {
  if (meshes === null) return { everywhere: allButIngress, meshes: new Map() };
  return { everywhere: nobody, meshes: new Map([...meshes].map((mesh) => [mesh, allButIngress])) };
}

export function unite(a: Affected, b: Affected): Affected {
  const meshes = new Map(a.meshes);
  for (const [mesh, reached] of b.meshes) meshes.set(mesh, union(meshes.get(mesh) ?? nobody, reached));
  return { everywhere: union(a.everywhere, b.everywhere), meshes };
}

export const isUnaffected = ({ everywhere, meshes }: Affected): boolean => everywhere.size === 0 && meshes.size === 0;

/** Whether a proxy has to be built anew. `meshes` are those it was made from; null = all of them. */
export function touches(affected: Affected, kind: ProxyKind, meshes: ReadonlySet<string> | null): boolean {
  if (affected.everywhere.has(kind)) return true;
  for (const [mesh, reached] of affected.meshes) if (reached.has(kind) && (meshes === null || meshes.has(mesh))) return true;
  return false;
}

/** The type whose readers the change reaches: an insight says something new of its proxy only when that goes or comes back. */
function subjectOf(key: ResourceKey, onlineChanged: (key: ResourceKey) => boolean): string | undefined {
  if (kindOf(key.type)?.warning !== undefined) return undefined; // stored, and not in effect
  const proxyInsight = /^(Dataplane|ZoneEgress)Insight$/.exec(key.type)?.[1];
  if (proxyInsight === undefined) return key.type;
  return onlineChanged(key) ? proxyInsight : undefined;
}

function union(a: ReadonlySet<ProxyKind>, b: ReadonlySet<ProxyKind>): ReadonlySet<ProxyKind> {
  return b.isSubsetOf(a) ? a : a.isSubsetOf(b) ? b : a.union(b);
}

const withoutNobody = (meshes: Map<string, ReadonlySet<ProxyKind>>): ReadonlyMap<string, ReadonlySet<ProxyKind>> =>
  new Map([...meshes].filter(([, reached]) => reached.size > 0));
