import { Origin, Table, type FactGraph, type Index } from "@atoll/facts";
import type { InventoryView } from "../inputs.ts";
import { serviceTag, sortedTags } from "../names.ts";

export type RemoteEntry = ReturnType<InventoryView["entries"]>[number];

interface ZoneOffers {
  table: Table<RemoteEntry>;
  /** Who is there, ready or not, by mesh and service. */
  present: Index<RemoteEntry, RemoteEntry>;
  /** What outbounds ask for, by mesh and service. */
  asked: Index<RemoteEntry, RemoteEntry>;
  /** All with instances in one group. */
  staffed: Index<RemoteEntry, true>;
}

const keyOf = ({ mesh, externalService, tags }: RemoteEntry): string => JSON.stringify([mesh, externalService === true, sortedTags(tags)]);

/** An entry of somebody who is there; the others are what outbounds ask for. */
const exists = ({ instances, unready }: RemoteEntry): boolean => instances > 0 || unready === true;

const groupOf = (mesh: string, service: string): string => `${mesh}/${service}`;

/** What zones offer and ask for, as facts read it: by zone, mesh and service. */
export class InventoryFacts {
  readonly #graph: FactGraph;
  readonly #inventory: InventoryView;
  readonly #zones = new Map<string, ZoneOffers>();
  readonly #presence: Origin;
  /** The zones that were last asked for. */
  #known: string | undefined;

  constructor(graph: FactGraph, inventory: InventoryView) {
    this.#graph = graph;
    this.#inventory = inventory;
    this.#presence = new Origin(graph);
  }

  /** Sorted. */
  zones(): string[] {
    this.#presence.read();
    const zones = this.#inventory.zones();
    this.#known = zones.join();
    return [...zones].sort();
  }

  ingresses(zone: string): ReturnType<InventoryView["ingresses"]> {
    this.#presence.read();
    return this.#inventory.ingresses(zone);
  }

  /** Whether the zone offers anything in any mesh. */
  offersAnything(zone: string): boolean {
    return this.#zone(zone).staffed.groups().length > 0;
  }

  /** Services that the zone has in the mesh, ready or not. */
  services(zone: string, mesh: string): string[] {
    return servicesOf(this.#zone(zone).present.groups(), mesh);
  }

  entries(zone: string, mesh: string, service: string): readonly RemoteEntry[] {
    return this.#zone(zone).present.of(groupOf(mesh, service));
  }

  asked(zone: string, mesh: string, service: string): readonly RemoteEntry[] {
    return this.#zone(zone).asked.of(groupOf(mesh, service));
  }

  /** Entries of the zone changed, those of these keys; null = any of them. */
  entriesChanged(zone: string, changed: Iterable<string> | null): void {
    // Its first entry makes a zone known, and its last one's end unknown.
    if (this.#known !== undefined && this.#known !== this.#inventory.zones().join()) this.#presence.changed();
    const table = this.#zones.get(zone)?.table;
    if (changed === null || !this.#inventory.entriesByKey) table?.reload();
    else for (const key of changed) table?.changed(key);
  }

  /** Zones came or went, or are reached in other ways, or are alive or dead now. */
  zonesChanged(): void {
    this.#presence.changed();
    for (const { table } of this.#zones.values()) table.reload();
  }

  #byKey(zone: string): ReadonlyMap<string, RemoteEntry> {
    if (this.#inventory.entriesByKey) return this.#inventory.entriesByKey(zone);
    return new Map(this.#inventory.entries(zone).map((entry) => [keyOf(entry), entry]));
  }

  #zone(zone: string): ZoneOffers {
    let found = this.#zones.get(zone);
    if (found === undefined) {
      const table = new Table<RemoteEntry>(this.#graph, { get: (key) => this.#byKey(zone).get(key), list: () => this.#byKey(zone) });
      const index = (of: (entry: RemoteEntry) => boolean) =>
        table.index((entry) => (of(entry) ? [{ group: groupOf(entry.mesh, entry.tags[serviceTag] ?? ""), value: entry }] : []));
      const staffed = table.index(({ instances }) => (instances > 0 ? [{ group: "staffed", value: true as const }] : []));
      found = { table, present: index(exists), asked: index((entry) => !exists(entry)), staffed };
      this.#zones.set(zone, found);
    }
    return found;
  }
}

const servicesOf = (groups: readonly string[], mesh: string): string[] => {
  const prefix = groupOf(mesh, "");
  return groups.filter((group) => group.startsWith(prefix)).map((group) => group.slice(prefix.length));
};
