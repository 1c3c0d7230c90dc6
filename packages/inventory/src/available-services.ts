import type { Resource } from "@atoll/resource";
import { inventoryKey, tagText } from "./inventory-key.ts";
import type { DataplaneIntent, ExternalServiceIntent, MeshGatewayIntent, MeshIntent, Tags } from "./intents.ts";
import type { InventoryEntry, InventoryKey } from "./inventory.ts";
import { selectGateway } from "./select-gateway.ts";

export interface AvailabilityInput {
  zone: string;
  meshes: readonly Resource<MeshIntent>[];
  /** Of this zone. */
  dataplanes: readonly Resource<DataplaneIntent>[];
  /** Whose streams have all ended; absent = nobody's. */
  isGone?: (dataplane: Resource<DataplaneIntent>) => boolean;
  externalServices: readonly Resource<ExternalServiceIntent>[];
  meshGateways: readonly Resource<MeshGatewayIntent>[];
}

const serviceTag = "kuma.io/service";
const zoneTag = "kuma.io/zone";
const meshTag = "kuma.io/mesh";

/**
 * What a zone offers to other zones, one entry per mesh and tag set, in the order of `renderAvailableServices`:
 * healthy inbounds; external services tagged with this zone, where the mesh routes through egresses; cross-mesh listeners of builtin
 * gateways. Meshes in MeshService mode "Exclusive" offer the last kind only. Resources of unknown meshes offer nothing. Besides, with 0
 * instances, what is there and not ready, and what outbounds ask for by more tags than the service.
 */
export function computeAvailableServices(input: AvailabilityInput): InventoryEntry[] {
  const { zone } = input;
  const meshes = new Map(input.meshes.map((mesh) => [mesh.name, mesh.spec]));
  const counted = new Map<InventoryKey, InventoryEntry>();
  const asked = new Map<InventoryKey, InventoryEntry>();
  const unready = new Map<InventoryKey, InventoryEntry>();
  const count = (key: InventoryKey, mesh: string, tags: Tags, is: { externalService?: true; gone?: boolean } = {}): void => {
    const { externalService, gone } = is;
    const entry = counted.get(key) ?? { zone, mesh, tags: { ...tags }, instances: 0, ...(externalService ? { externalService } : {}) };
    entry.instances++;
    if (gone) entry.gone = (entry.gone ?? 0) + 1;
    counted.set(key, entry);
  };
  const gatewaysOf = new Map<string, Resource<MeshGatewayIntent>[]>();
  for (const gateway of input.meshGateways) {
    const ofMesh = gatewaysOf.get(gateway.mesh);
    if (ofMesh) ofMesh.push(gateway);
    else gatewaysOf.set(gateway.mesh, [gateway]);
  }

  for (const dataplane of input.dataplanes) {
    const mesh = meshes.get(dataplane.mesh);
    if (!mesh) continue;
    const gone = input.isGone?.(dataplane) ?? false;
    for (const { key, tags, ready } of isExclusive(mesh) ? [] : inboundsOf(dataplane)) {
      if (ready) count(key, dataplane.mesh, tags, { gone });
      else unready.set(key, { zone, mesh: dataplane.mesh, tags: { ...tags }, instances: 0, unready: true });
    }

    if (!isExclusive(mesh)) for (const { key, ...asking } of askedFor(dataplane)) asked.set(key, { zone, ...asking, instances: 0 });

    const gateway = dataplane.spec.networking?.gateway;
    const candidates = gatewaysOf.get(dataplane.mesh);
    if (gateway?.type !== "BUILTIN" || !candidates) continue;
    for (const tags of crossMeshListeners(dataplane.mesh, gateway.tags ?? {}, candidates)) {
      count(inventoryKey({ mesh: dataplane.mesh, tags }), dataplane.mesh, tags, { gone });
    }
  }

  for (const external of input.externalServices) {
    const mesh = meshes.get(external.mesh);
    const tags = external.spec.tags ?? {};
    if (!mesh || !mesh.routing?.zoneEgress || isExclusive(mesh) || tags[zoneTag] !== zone) continue;
    count(inventoryKey({ mesh: external.mesh, tags, externalService: true }), external.mesh, tags, { externalService: true });
  }
  return [...new Map([...asked, ...unready, ...counted]).values()].sort(inListOrder);
}

/** True for what can be dialled. */
export const isOffered = ({ instances }: Pick<InventoryEntry, "instances">): boolean => instances > 0;

/** True for what is there, ready or not; false for what an outbound of the zone merely asks for. */
export const exists = ({ instances, unready }: Pick<InventoryEntry, "instances" | "unready">): boolean => instances > 0 || unready === true;

/** The list as `ZoneIngress.availableServices` shows it; equal content is rendered equal, element by element. */
export function renderAvailableServices(entries: readonly InventoryEntry[]): AvailableService[] {
  return entries
    .filter(isOffered)
    .sort(inListOrder)
    .map(({ tags, instances, mesh, externalService }) => ({
      tags: Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1))),
      instances,
      mesh,
      ...(externalService ? { externalService: true as const } : {}),
    }));
}

export interface AvailableService {
  tags: Record<string, string>;
  instances: number;
  mesh: string;
  externalService?: true;
}

interface Inbound {
  key: InventoryKey;
  tags: Tags;
  ready: boolean;
}
const inboundMemo = new WeakMap<Resource<DataplaneIntent>, readonly Inbound[]>();

/** Remembered by identity, so that one changed Dataplane among a thousand costs one. */
function inboundsOf(dataplane: Resource<DataplaneIntent>): readonly Inbound[] {
  let found = inboundMemo.get(dataplane);
  if (!found) {
    found = (dataplane.spec.networking?.inbound ?? [])
      .filter(({ state }) => state !== "Ignored")
      .map(({ tags = {}, state, health }) => ({
        key: inventoryKey({ mesh: dataplane.mesh, tags }),
        tags,
        ready: (state ?? "Ready") === "Ready" && (health === undefined || health.ready === true),
      }))
      .filter(({ tags }) => tags[serviceTag] !== undefined);
    inboundMemo.set(dataplane, found);
  }
  return found;
}

interface Asking {
  key: InventoryKey;
  mesh: string;
  tags: Record<string, string>;
}
const outboundMemo = new WeakMap<Resource<DataplaneIntent>, readonly Asking[]>();

/** Outbounds that name more than a service, of this mesh or of another. */
function askedFor(dataplane: Resource<DataplaneIntent>): readonly Asking[] {
  let found = outboundMemo.get(dataplane);
  if (!found) {
    found = (dataplane.spec.networking?.outbound ?? [])
      .map(({ tags: { [meshTag]: mesh = dataplane.mesh, ...tags } = {} }) => ({ key: inventoryKey({ mesh, tags }), mesh, tags }))
      .filter(({ tags }) => tags[serviceTag] !== undefined && Object.keys(tags).length > 1);
    outboundMemo.set(dataplane, found);
  }
  return found;
}

function crossMeshListeners(mesh: string, proxyTags: Tags, gateways: readonly Resource<MeshGatewayIntent>[]): Tags[] {
  const selected = selectGateway(gateways, proxyTags);
  if (!selected) return [];
  return (selected.gateway.spec.conf?.listeners ?? [])
    .filter((listener) => listener.crossMesh)
    .map((listener) => ({ [meshTag]: mesh, ...proxyTags, ...selected.gateway.spec.tags, ...listener.tags }));
}

const isExclusive = (mesh: MeshIntent): boolean => mesh.meshServices?.mode === "Exclusive";

function inListOrder(a: InventoryEntry, b: InventoryEntry): number {
  return group(a) - group(b) || compare(a.mesh, b.mesh) || compare(tagText(a.tags), tagText(b.tags));
}

const group = (entry: InventoryEntry): number => (entry.externalService ? 1 : entry.tags[meshTag] === undefined ? 0 : 2);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
