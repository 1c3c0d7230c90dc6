import { exists, type Inventory, type InventoryChange } from "@atoll/inventory";
import type { ResourceReader } from "@atoll/replica";
import { keyString, type Resource, type ResourceKey } from "@atoll/resource";

/**
 * Which tag sets somebody has, in this zone and in others. Names and protocols follow from these and not from how many have each, so that one
 * more instance of what is there already concerns nobody.
 */
export class TagSetsInUse {
  readonly #resources: ResourceReader;
  readonly #inventory: Pick<Inventory, "entriesByKey">;
  readonly #ofDataplanes = new Map<string, readonly string[]>();
  readonly #users = new Map<string, number>();
  /** Entries of other zones with somebody behind them, by zone. */
  readonly #existing = new Map<string, Set<string>>();

  constructor(resources: ResourceReader, inventory: Pick<Inventory, "zones" | "entriesByKey">) {
    this.#resources = resources;
    this.#inventory = inventory;
    for (const dataplane of resources.list("Dataplane")) this.noteDataplane(dataplane);
    for (const zone of inventory.zones()) this.#takeZone(zone);
  }

  /** Whether a tag set came or went with what the Dataplane is now. */
  noteDataplane({ type, mesh, name }: Pick<ResourceKey, "type" | "mesh" | "name">): boolean {
    const key = keyString({ type, mesh, name });
    const before = this.#ofDataplanes.get(key) ?? [];
    const now = textsOf(this.#resources.get<Inbounds>(type, mesh, name));
    let changed = false;
    for (const text of now) {
      const users = this.#users.get(text) ?? 0;
      if (users === 0) changed = true;
      this.#users.set(text, users + 1);
    }
    for (const text of before) {
      const users = this.#users.get(text)! - 1;
      if (users > 0) this.#users.set(text, users);
      else {
        this.#users.delete(text);
        changed = true;
      }
    }
    if (now.length > 0) this.#ofDataplanes.set(key, now);
    else this.#ofDataplanes.delete(key);
    return changed;
  }

  /** The same of what other zones have. */
  noteOffers({ zone, keys }: InventoryChange): boolean {
    if (keys === null) {
      this.#takeZone(zone);
      return true;
    }
    const existing = this.#existing.get(zone) ?? new Set();
    this.#existing.set(zone, existing);
    const entries = this.#inventory.entriesByKey(zone);
    let changed = false;
    for (const key of keys) {
      const entry = entries.get(key);
      const is = entry !== undefined && exists(entry);
      if (is === existing.has(key)) continue;
      changed = true;
      if (is) existing.add(key);
      else existing.delete(key);
    }
    return changed;
  }

  #takeZone(zone: string): void {
    const entries = [...this.#inventory.entriesByKey(zone)].filter(([, entry]) => exists(entry));
    this.#existing.set(zone, new Set(entries.map(([key]) => key)));
  }
}

/** What counts of a Dataplane. */
interface Inbounds {
  networking?: { inbound?: readonly { port?: number; state?: string; tags?: Readonly<Record<string, string>> }[] };
}

/** Each tag set of its inbounds; a workload that has no service is told apart by its port. */
function textsOf(dataplane: Resource<Inbounds> | undefined): string[] {
  const inbounds = (dataplane?.spec.networking?.inbound ?? []).filter(({ state }) => state !== "Ignored");
  return inbounds.map(({ port, tags = {} }) =>
    JSON.stringify([dataplane?.mesh, port === serviceLessPort, Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1))]),
  );
}

/** Port of an inbound that stands for "no service here". */
const serviceLessPort = 49_151;
