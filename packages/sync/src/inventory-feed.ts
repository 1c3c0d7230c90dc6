import { type EventLog, type LogRecord, topics } from "@atoll/event-log";
import type { Inventory, InventoryEntry, InventoryIngress } from "@atoll/inventory";
import { Listeners, WriterFence, type ZoneDirectory, ZoneTasks, enabledZones, followTopic } from "@atoll/replica";
import { type Heartbeat, type InventoryRecord, type SharedResource, decodeInventoryRecord } from "./inventory-records.ts";

export interface InventoryFeedOptions {
  /** Any log that has the inventory topics: a zone's own, its relay for an xDS process, global's. */
  log: EventLog;
  config: ZoneDirectory;
  inventory: Inventory;
  /** The zone this process belongs to: read even if it is switched off, and believed about which zones are dead. Absent in global. */
  zone?: string;
  signal?: AbortSignal;
  onError?: (error: unknown) => void;
}

export interface HeartbeatEvent {
  zone: string;
  heartbeat: Heartbeat;
}

/**
 * Fills the inventory from the inventory topics of all zones that the configuration has, and follows them. A zone that is removed or
 * switched off leaves the inventory; one that is only silent stays, and `liveZones` tells.
 */
export class InventoryFeed {
  readonly #options: InventoryFeedOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #heartbeats = new Map<string, Heartbeat>();
  readonly #heartbeatListeners: Listeners<HeartbeatEvent>;
  readonly #shared = new Map<string, ReadonlyMap<string, SharedResource>>();
  readonly #sharedListeners: Listeners<string>;
  readonly #livenessListeners: Listeners<ReadonlySet<string>>;
  #dead: ReadonlySet<string> = new Set();
  #tasks!: ZoneTasks;

  private constructor(options: InventoryFeedOptions) {
    this.#options = options;
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    this.#onError = options.onError ?? (() => {});
    this.#heartbeatListeners = new Listeners(this.#onError);
    this.#livenessListeners = new Listeners(this.#onError);
    this.#sharedListeners = new Listeners(this.#onError);
  }

  /** Resolves when the inventory has what the topics of the zones known now hold. */
  static async open(options: InventoryFeedOptions): Promise<InventoryFeed> {
    const feed = new InventoryFeed(options);
    const loaded = new Map<string, PromiseWithResolvers<void>>();
    const always = options.zone === undefined ? [] : [options.zone];
    for (const zone of new Set([...always, ...enabledZones(options.config)])) loaded.set(zone, Promise.withResolvers());
    feed.#tasks = new ZoneTasks({
      config: options.config,
      always,
      signal: feed.#signal,
      run: (zone, signal) => feed.#follow(zone, signal, () => loaded.get(zone)?.resolve()).finally(() => loaded.get(zone)?.resolve()),
    });
    await Promise.all([...loaded.values()].map(({ promise }) => promise));
    return feed;
  }

  /** Zones that are read. */
  zones(): readonly string[] {
    return this.#tasks.zones();
  }

  /** Newest heartbeat of a zone. */
  heartbeat(zone: string): Heartbeat | undefined {
    return this.#heartbeats.get(zone);
  }

  /** Called for every heartbeat record, those found at the start included. */
  watchHeartbeats(listener: (event: HeartbeatEvent) => void): () => void {
    return this.#heartbeatListeners.add(listener);
  }

  /** Zones whose endpoints may be used: all but those that this zone's sync service judges dead. Its last word stands while it is away. */
  liveZones(): ReadonlySet<string> {
    return new Set(this.zones().filter((zone) => !this.#dead.has(zone)));
  }

  isLive(zone: string): boolean {
    return !this.#dead.has(zone);
  }

  /** Called with the zones whose judgement changed. */
  watchLiveZones(listener: (changed: ReadonlySet<string>) => void): () => void {
    return this.#livenessListeners.add(listener);
  }

  /** What the other zones wrote that this one has as well; of this zone, nothing. */
  shared(): readonly { zone: string; resource: SharedResource }[] {
    return [...this.#shared]
      .filter(([zone]) => zone !== this.#options.zone)
      .flatMap(([zone, resources]) => [...resources.values()].map((resource) => ({ zone, resource })));
  }

  /** Called with the zone whose `shared` resources changed. */
  watchShared(listener: (zone: string) => void): () => void {
    return this.#sharedListeners.add(listener);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#tasks.close();
  }

  async #follow(zone: string, signal: AbortSignal, onLoaded: () => void): Promise<void> {
    const { inventory, log } = this.#options;
    let position = 0;
    let fence = new WriterFence();
    let loading: Loading | undefined = newLoading();
    await followTopic({
      log,
      topic: topics.inventory(zone),
      position: () => position,
      onBatch: async (batch) => {
        if (batch.length === 0) {
          if (loading) {
            await inventory.replace(zone, { entries: [...loading.entries.values()], ingresses: [...loading.ingresses.values()] });
            this.#share(zone, loading.resources);
          }
          loading = undefined;
          onLoaded();
        }
        for (const record of batch) {
          const decoded = fence.admits(record) ? this.#decode(zone, record) : undefined;
          if (decoded) await this.#apply(zone, decoded, loading);
          position = record.offset + 1;
        }
      },
      // Beside the old content, which stays until the new one is complete.
      onOutOfRange: async () => {
        position = 0;
        fence = new WriterFence();
        loading = newLoading();
      },
      signal,
      onError: this.#onError,
    });
    if (this.#signal.aborted) return;
    this.#heartbeats.delete(zone);
    this.#share(zone, undefined);
    await inventory.replace(zone, { entries: [], ingresses: [] });
  }

  #decode(zone: string, record: LogRecord): InventoryRecord | undefined {
    if (record.key === null) return undefined;
    try {
      return decodeInventoryRecord(zone, record.key, record.value);
    } catch (error) {
      this.#onError(new Error(`inventory record ${record.offset} of zone ${zone} is unreadable and was passed over`, { cause: error }));
      return undefined;
    }
  }

  async #apply(zone: string, record: InventoryRecord, loading: Loading | undefined): Promise<void> {
    const { inventory } = this.#options;
    switch (record.kind) {
      case "entry":
        if (loading) assign(loading.entries, record.key, record.value);
        else await (record.value ? inventory.put(record.value) : inventory.delete(zone, record.key));
        return;
      case "ingress":
        if (loading) assign(loading.ingresses, record.name, record.value);
        else await (record.value ? inventory.putIngress(record.value) : inventory.deleteIngress(zone, record.name));
        return;
      case "resource": {
        const resources = loading?.resources ?? new Map(this.#shared.get(zone));
        assign(resources, record.key, record.value);
        if (!loading) this.#share(zone, resources);
        return;
      }
      case "heartbeat":
        if (!record.value) return;
        this.#heartbeats.set(zone, record.value);
        this.#heartbeatListeners.send({ zone, heartbeat: record.value });
        return;
      case "liveness":
        if (zone === this.#options.zone) this.#judge(new Set(record.value?.dead ?? []));
    }
  }

  #share(zone: string, resources: ReadonlyMap<string, SharedResource> | undefined): void {
    const before = this.#shared.get(zone);
    if (resources) this.#shared.set(zone, resources);
    else this.#shared.delete(zone);
    if ((before?.size ?? 0) + (resources?.size ?? 0) > 0) this.#sharedListeners.send(zone);
  }

  #judge(dead: ReadonlySet<string>): void {
    const changed = new Set([...this.#dead, ...dead].filter((zone) => this.#dead.has(zone) !== dead.has(zone)));
    this.#dead = dead;
    if (changed.size > 0) this.#livenessListeners.send(changed);
  }
}

interface Loading {
  entries: Map<string, InventoryEntry>;
  ingresses: Map<string, InventoryIngress>;
  resources: Map<string, SharedResource>;
}

const newLoading = (): Loading => ({ entries: new Map(), ingresses: new Map(), resources: new Map() });

function assign<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
