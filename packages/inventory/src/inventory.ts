/** One availableServices entry: instances of one tag set of one mesh in one zone. */
export interface InventoryEntry {
  zone: string;
  mesh: string;
  /** Includes kuma.io/service. */
  tags: Record<string, string>;
  instances: number;
  externalService?: boolean;
}

/** Key of an entry inside its zone: mesh and sorted tags. */
export type InventoryKey = string;

export interface InventoryChange {
  zone: string;
  meshes: ReadonlySet<string>;
}

/**
 * What other zones (and this one) can serve. Shared by a zone's xDS replicas; always rebuildable from the inventory topics.
 * Adapters: `MemoryInventory`, Redis.
 */
export interface Inventory {
  /** Atomic switch of one zone's entries; equal content wakes nobody. */
  replace(zone: string, entries: readonly InventoryEntry[]): Promise<void>;
  put(entry: InventoryEntry): Promise<void>;
  delete(zone: string, key: InventoryKey): Promise<void>;
  /** Current entries of a zone, sorted by key. Answers from memory. */
  entries(zone: string): readonly InventoryEntry[];
  zones(): readonly string[];
  /** Called after a change is visible in `entries`. Returns the unsubscribe function. */
  watch(listener: (change: InventoryChange) => void): () => void;
  close(): Promise<void>;
}
