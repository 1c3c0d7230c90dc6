/**
 * One availableServices entry: instances of one tag set of one mesh in one zone. With 0 instances it offers nothing: its instances are
 * not ready, or an outbound of the zone asks for these tags, which zone proxies on the way must know.
 */
export interface InventoryEntry {
  zone: string;
  mesh: string;
  /** Includes kuma.io/service. */
  tags: Record<string, string>;
  instances: number;
  /** Of the instances, those whose proxies' streams have all ended: they are called where nobody else serves. */
  gone?: number;
  /** There are instances, and none of them is ready. */
  unready?: true;
  externalService?: boolean;
}

/** Key of an entry inside its zone: mesh and sorted tags. */
export type InventoryKey = string;

/** Where a zone's ingress can be reached from other zones. */
export interface InventoryIngress {
  zone: string;
  name: string;
  advertisedAddress: string;
  advertisedPort: number;
  /** Where it listens in its own zone, for those who look; other zones dial what it advertises. Not known of older versions. */
  networking?: { address: string; port: number; admin?: { port?: number } };
}

export interface InventoryChange {
  zone: string;
  /** Meshes whose entries changed; null = any mesh may be affected (ingresses or liveness changed). */
  meshes: ReadonlySet<string> | null;
  /** Keys of the entries that changed, came or went; null = any may be another. */
  keys: ReadonlySet<InventoryKey> | null;
}

/**
 * What other zones (and this one) can serve. Shared by a zone's xDS replicas; always rebuildable from the inventory topics.
 * Adapters: `MemoryInventory`, Redis.
 */
export interface Inventory {
  /** Atomic switch of one zone's entries; equal content wakes nobody. */
  replace(zone: string, content: { entries: readonly InventoryEntry[]; ingresses: readonly InventoryIngress[] }): Promise<void>;
  put(entry: InventoryEntry): Promise<void>;
  delete(zone: string, key: InventoryKey): Promise<void>;
  putIngress(ingress: InventoryIngress): Promise<void>;
  deleteIngress(zone: string, name: string): Promise<void>;
  ingresses(zone: string): readonly InventoryIngress[];
  /** Current entries of a zone, sorted by key. Answers from memory. */
  entries(zone: string): readonly InventoryEntry[];
  /** The same entries by key, as they are now; not to be changed. */
  entriesByKey(zone: string): ReadonlyMap<InventoryKey, InventoryEntry>;
  zones(): readonly string[];
  /** Called after a change is visible in `entries`. Returns the unsubscribe function. */
  watch(listener: (change: InventoryChange) => void): () => void;
  close(): Promise<void>;
}
