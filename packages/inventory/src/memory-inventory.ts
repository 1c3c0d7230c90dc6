import { isDeepStrictEqual } from "node:util";
import { inventoryKey } from "./inventory-key.ts";
import type { Inventory, InventoryChange, InventoryEntry, InventoryIngress, InventoryKey } from "./inventory.ts";

interface ZoneContent {
  entries: Map<InventoryKey, InventoryEntry>;
  ingresses: Map<string, InventoryIngress>;
  sortedEntries: readonly InventoryEntry[] | undefined;
  sortedIngresses: readonly InventoryIngress[] | undefined;
}

const noKeys: ReadonlySet<InventoryKey> = new Set();
const noEntries: ReadonlyMap<InventoryKey, InventoryEntry> = new Map();

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The inventory of one process: filled from the inventory topics, gone with the process. */
export class MemoryInventory implements Inventory {
  readonly #zones = new Map<string, ZoneContent>();
  readonly #listeners = new Set<(change: InventoryChange) => void>();
  readonly #onError: (error: unknown) => void;

  /** `onError` hears of listeners that throw; the others are called all the same. */
  constructor(onError: (error: unknown) => void = () => {}) {
    this.#onError = onError;
  }

  async replace(zone: string, content: { entries: readonly InventoryEntry[]; ingresses: readonly InventoryIngress[] }): Promise<void> {
    const before = this.#zones.get(zone) ?? emptyContent();
    const after = emptyContent();
    const keys = new Set<InventoryKey>();
    const meshes = new Set<string>();
    for (const given of content.entries) {
      const [key, entry] = [inventoryKey(given), { ...given, zone }];
      const known = before.entries.get(key);
      // What is equal stays the object that it was.
      const same = known !== undefined && isDeepStrictEqual(known, entry);
      after.entries.set(key, same ? known : entry);
      if (same) continue;
      keys.add(key);
      meshes.add(entry.mesh);
    }
    for (const ingress of content.ingresses) after.ingresses.set(ingress.name, { ...ingress, zone });

    for (const [key, entry] of before.entries) {
      if (after.entries.has(key)) continue;
      keys.add(key);
      meshes.add(entry.mesh);
    }
    const sameIngresses = isDeepStrictEqual(before.ingresses, after.ingresses);
    if (meshes.size === 0 && sameIngresses) return;
    this.#store(zone, after);
    this.#send({ zone, meshes: sameIngresses ? meshes : null, keys });
  }

  async put(entry: InventoryEntry): Promise<void> {
    const content = this.#zones.get(entry.zone) ?? emptyContent();
    const key = inventoryKey(entry);
    if (isDeepStrictEqual(content.entries.get(key), entry)) return;
    content.entries.set(key, entry);
    this.#store(entry.zone, content);
    this.#send({ zone: entry.zone, meshes: new Set([entry.mesh]), keys: new Set([key]) });
  }

  async delete(zone: string, key: InventoryKey): Promise<void> {
    const content = this.#zones.get(zone);
    const entry = content?.entries.get(key);
    if (!content || !entry) return;
    content.entries.delete(key);
    this.#store(zone, content);
    this.#send({ zone, meshes: new Set([entry.mesh]), keys: new Set([key]) });
  }

  async putIngress(ingress: InventoryIngress): Promise<void> {
    const content = this.#zones.get(ingress.zone) ?? emptyContent();
    if (isDeepStrictEqual(content.ingresses.get(ingress.name), ingress)) return;
    content.ingresses.set(ingress.name, ingress);
    this.#store(ingress.zone, content);
    this.#send({ zone: ingress.zone, meshes: null, keys: noKeys });
  }

  async deleteIngress(zone: string, name: string): Promise<void> {
    const content = this.#zones.get(zone);
    if (!content?.ingresses.delete(name)) return;
    this.#store(zone, content);
    this.#send({ zone, meshes: null, keys: noKeys });
  }

  ingresses(zone: string): readonly InventoryIngress[] {
    const content = this.#zones.get(zone);
    if (!content) return [];
    content.sortedIngresses ??= [...content.ingresses.values()].sort((a, b) => byText(a.name, b.name));
    return content.sortedIngresses;
  }

  entries(zone: string): readonly InventoryEntry[] {
    const content = this.#zones.get(zone);
    if (!content) return [];
    content.sortedEntries ??= [...content.entries].sort(([a], [b]) => byText(a, b)).map(([, entry]) => entry);
    return content.sortedEntries;
  }

  entriesByKey(zone: string): ReadonlyMap<InventoryKey, InventoryEntry> {
    return this.#zones.get(zone)?.entries ?? noEntries;
  }

  zones(): readonly string[] {
    return [...this.#zones.keys()].sort(byText);
  }

  watch(listener: (change: InventoryChange) => void): () => void {
    const call = (change: InventoryChange): void => listener(change);
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #store(zone: string, content: ZoneContent): void {
    content.sortedEntries = content.sortedIngresses = undefined;
    if (content.entries.size + content.ingresses.size > 0) this.#zones.set(zone, content);
    else this.#zones.delete(zone);
  }

  #send(change: InventoryChange): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function emptyContent(): ZoneContent {
  return { entries: new Map(), ingresses: new Map(), sortedEntries: undefined, sortedIngresses: undefined };
}
