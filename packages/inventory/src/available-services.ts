import { tagText } from "./inventory-key.ts";
import type { InventoryEntry } from "./inventory.ts";
import { ZoneOffers } from "./zone-offers.ts";
import type { AvailabilityInput } from "./zone-offers.ts";

const meshTag = "kuma.io/mesh";

/**
 * What a zone offers to other zones, one entry per mesh and tag set, in the order of `renderAvailableServices`:
 * healthy inbounds; external services tagged with this zone, where the mesh routes through egresses; cross-mesh listeners of builtin
 * gateways. Meshes in MeshService mode "Exclusive" offer the last kind only. Resources of unknown meshes offer nothing. Besides, with 0
 * instances, what is there and not ready, and what outbounds ask for by more tags than the service.
 */
export function computeAvailableServices(input: AvailabilityInput): InventoryEntry[] {
  const offers = new ZoneOffers(input);
  return [...offers.keys()].flatMap((key) => offers.entry(key) ?? []).sort(inListOrder);
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

function inListOrder(a: InventoryEntry, b: InventoryEntry): number {
  return group(a) - group(b) || compare(a.mesh, b.mesh) || compare(tagText(a.tags), tagText(b.tags));
}

const group = (entry: InventoryEntry): number => (entry.externalService ? 1 : entry.tags[meshTag] === undefined ? 0 : 2);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
