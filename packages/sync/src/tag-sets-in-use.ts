import { exists, type Inventory, type InventoryChange, type InventoryEntry, type InventoryKey } from "@atoll/inventory";
import { ClusterAddresses, clusterAddressesOf, TagSets, type ClusterAddress, type Inbounds } from "@atoll/names";
import type { ResourceReader } from "@atoll/replica";
import { keyString, type DataplaneSpec, type KeyString, type ResourceKey } from "@atoll/resource";

/** Which tag sets somebody has in each mesh, in this zone and in others, kept up to date Dataplane by Dataplane and offer by offer. */
export class TagSetsInUse {
  readonly #zone: string;
  readonly #resources: ResourceReader;
  readonly #inventory: Pick<Inventory, "entriesByKey">;
  readonly #dataplanes = new Map<KeyString, Inbounds>();
  readonly #meshes = new Map<string, TagSets>();
  /** Of the zone's Dataplanes, where they are on Kubernetes. */
  readonly #clusterAddresses = new Map<KeyString, readonly ClusterAddress[]>();
  readonly #addressesOfMeshes = new Map<string, ClusterAddresses>();
  /** Of other zones, what is counted: those with somebody behind them. */
  readonly #existing = new Map<string, Map<InventoryKey, InventoryEntry>>();

  /** `zone` is one's own: what it offers is in its Dataplanes. */
  constructor(zone: string, resources: ResourceReader, inventory: Pick<Inventory, "zones" | "entriesByKey">) {
    this.#zone = zone;
    this.#resources = resources;
    this.#inventory = inventory;
    for (const dataplane of resources.list("Dataplane")) this.noteDataplane(dataplane);
    for (const other of inventory.zones()) this.noteOffers({ zone: other, keys: null });
  }

  ofMesh(mesh: string): TagSets {
    let sets = this.#meshes.get(mesh);
    if (sets === undefined) this.#meshes.set(mesh, (sets = new TagSets()));
    return sets;
  }

  clusterAddressesOf(mesh: string): ClusterAddresses {
    let addresses = this.#addressesOfMeshes.get(mesh);
    if (addresses === undefined) this.#addressesOfMeshes.set(mesh, (addresses = new ClusterAddresses()));
    return addresses;
  }

  /** Whether a tag set or an address came or went with what the Dataplane is now. */
  noteDataplane({ type, mesh, name }: Pick<ResourceKey, "type" | "mesh" | "name">): boolean {
    const key = keyString({ type, mesh, name });
    const before = this.#dataplanes.get(key);
    const dataplane = this.#resources.get<DataplaneSpec>(type, mesh, name);
    const now = dataplane?.spec;
    if (now) this.#dataplanes.set(key, now);
    else this.#dataplanes.delete(key);
    const addresses = dataplane ? clusterAddressesOf(dataplane) : [];
    const movedAddress = this.clusterAddressesOf(mesh).replace(this.#clusterAddresses.get(key) ?? [], addresses);
    if (addresses.length > 0) this.#clusterAddresses.set(key, addresses);
    else this.#clusterAddresses.delete(key);
    return this.ofMesh(mesh).replaceDataplane(before, now) || movedAddress;
  }

  /** The same of what another zone has, whether it can be reached now or not. `keys` = null: of all of it. */
  noteOffers({ zone, keys }: Pick<InventoryChange, "zone" | "keys">): boolean {
    if (zone === this.#zone) return false;
    const existing = this.#existing.get(zone) ?? new Map<InventoryKey, InventoryEntry>();
    this.#existing.set(zone, existing);
    const entries = this.#inventory.entriesByKey(zone);
    let changed = false;
    for (const key of keys ?? new Set([...existing.keys(), ...entries.keys()])) {
      const before = existing.get(key);
      const entry = entries.get(key);
      if (entry !== undefined && exists(entry)) {
        if (before !== undefined) continue;
        existing.set(key, entry);
        if (this.ofMesh(entry.mesh).add(entry.tags)) changed = true;
      } else if (before !== undefined) {
        existing.delete(key);
        if (this.ofMesh(before.mesh).remove(before.tags)) changed = true;
      }
    }
    return changed;
  }
}
