import type { Inventory, InventoryChange } from "@atoll/inventory";

/** Who knows which zones are dead. `InventoryFeed` does. */
export interface Liveness {
  isLive(zone: string): boolean;
  watchLiveZones(listener: (changed: ReadonlySet<string>) => void): () => void;
}

const nothing: ReturnType<Inventory["entriesByKey"]> = new Map();

/**
 * The inventory as the makers of endpoints should see it: a dead zone offers nothing, and comes back as it was. What is stored does not
 * change; close the inventory behind it, not this.
 */
export function liveInventory(inventory: Inventory, liveness: Liveness): Inventory {
  return {
    replace: (zone, content) => inventory.replace(zone, content),
    put: (entry) => inventory.put(entry),
    delete: (zone, key) => inventory.delete(zone, key),
    putIngress: (ingress) => inventory.putIngress(ingress),
    deleteIngress: (zone, name) => inventory.deleteIngress(zone, name),
    entries: (zone) => (liveness.isLive(zone) ? inventory.entries(zone) : []),
    entriesByKey: (zone) => (liveness.isLive(zone) ? inventory.entriesByKey(zone) : nothing),
    ingresses: (zone) => (liveness.isLive(zone) ? inventory.ingresses(zone) : []),
    zones: () => inventory.zones().filter((zone) => liveness.isLive(zone)),
    watch(listener: (change: InventoryChange) => void): () => void {
      const unwatchInventory = inventory.watch((change) => {
        if (liveness.isLive(change.zone)) listener(change);
      });
      const unwatchLiveness = liveness.watchLiveZones((changed) => {
        for (const zone of changed) listener({ zone, meshes: null, keys: null });
      });
      return () => {
        unwatchInventory();
        unwatchLiveness();
      };
    },
    close: async () => {},
  };
}
