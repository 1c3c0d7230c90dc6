import { type ChangeEvent, Listeners, ResourceTable, type WatchedReader } from "@atoll/replica";
import { copyFromOtherZone, type KeyString, keyString, label, parseKeyString, type Resource } from "@atoll/resource";
import type { InventoryFeed } from "./inventory-feed.ts";
import type { SharedResource } from "./inventory-records.ts";
import { isProducerPolicy } from "./shared-resources.ts";

/** The policies in which other zones say how their services are called, as this zone has them: under synced names. */
export class ProducerPolicies implements WatchedReader {
  readonly #zone: string;
  readonly #feed: Pick<InventoryFeed, "shared" | "watchShared">;
  readonly #listeners: Listeners<ChangeEvent>;
  readonly #table = new ResourceTable();
  /** By key here, what each was made from. */
  #sources = new Map<KeyString, SharedResource>();

  constructor(zone: string, feed: Pick<InventoryFeed, "shared" | "watchShared">, onError: (error: unknown) => void = () => {}) {
    this.#zone = zone;
    this.#feed = feed;
    this.#listeners = new Listeners(onError);
    this.#read();
    feed.watchShared(() => {
      const keys = this.#read();
      if (keys.length > 0) this.#listeners.send({ revision: 0, keys });
    });
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#table.get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.#table.list(type, mesh);
  }

  watch(listener: (event: ChangeEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Keys of what is different now. */
  #read(): KeyString[] {
    const changed: KeyString[] = [];
    const sources = new Map<KeyString, SharedResource>();
    for (const { zone, resource } of this.#feed.shared()) {
      if (resource.type === "MeshService" || !isProducerPolicy(resource) || this.#isForAnother(resource)) continue;
      const seen = asSeenHere(zone, resource);
      const key = keyString(seen);
      sources.set(key, resource);
      if (this.#sources.get(key) === resource) continue;
      this.#table.set(seen);
      changed.push(key);
    }
    for (const key of this.#sources.keys()) {
      if (!sources.has(key) && this.#table.delete(parseKeyString(key))) changed.push(key);
    }
    this.#sources = sources;
    return changed;
  }

  /** One for the proxies of some other zone alone. */
  #isForAnother({ spec }: SharedResource): boolean {
    const { targetRef } = spec as { targetRef?: { kind?: string; tags?: Record<string, string> } };
    const wanted = targetRef?.kind === "MeshSubset" ? targetRef.tags?.[label.zone] : undefined;
    return wanted !== undefined && wanted !== this.#zone;
  }
}

function asSeenHere(zone: string, resource: SharedResource): Resource {
  const { type, mesh, spec, creationTime } = resource;
  return { type, mesh, ...copyFromOtherZone(resource, zone), spec, creationTime, modificationTime: creationTime, revision: 0 };
}
