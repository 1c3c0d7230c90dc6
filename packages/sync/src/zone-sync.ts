import { type MirrorLog, topicConfig, topics } from "@atoll/event-log";
import type { Inventory } from "@atoll/inventory";
import { type ConfigReplica, type ZoneReplica, ZoneTasks } from "@atoll/replica";
import type { NameConflict, NameSettings } from "@atoll/names";
import { mirrorConfig } from "./config-mirror.ts";
import { InventoryFeed } from "./inventory-feed.ts";
import { type Schedule, scheduleTimeout } from "./liveness-judge.ts";
import { type MirrorStatus, Mirrors } from "./mirrors.ts";
import { restoreOwnTopics } from "./restore-own-topics.ts";
import { ZoneRole } from "./zone-role.ts";
import type { ServicePublisherOptions, ServiceSettings } from "./service-publisher.ts";
import type { WriterDutyOptions } from "./writer-duty.ts";
import type { ZoneLog } from "./zone-log.ts";
import type { ZoneWriter } from "./zone-lease.ts";

export interface UpstreamConnection {
  readonly connected: boolean;
  watch(listener: (connected: boolean) => void): () => void;
}

export interface ZoneSyncOptions {
  zone: string;
  local: ZoneLog;
  /** Kafka, or global's log through its relay. Absent: the zone runs on what it has. */
  upstream?: MirrorLog;
  /** Whether upstream can be heard at all. Absent: it can, if there is one. */
  connection?: UpstreamConnection;
  /** Both over `local`. */
  config: ConfigReplica;
  resources: ZoneReplica;
  /** The configuration as it holds in the zone, which its names, services and what it offers are made from. Default: as it is. */
  decided?: WriterDutyOptions["decided"];
  inventory: Inventory;
  /** This instance among those of the zone. Default: the only one. */
  self?: ZoneWriter;
  /** The log of another instance, while it is the zone's writer. Closed when it is so no longer. */
  dial?: (writer: ZoneWriter) => MirrorLog;
  /** A writer that was not heard of for so long is replaced. Default 6,000. */
  leaseMs?: number;
  /** Default 2,000. */
  heartbeatIntervalMs?: number;
  /** A zone whose heartbeat did not arrive for so long is dead. Default 10,000. */
  graceMs?: number;
  /** Records of configuration kept in the local log behind its own snapshot. Default 10,000. */
  historyRecords?: number;
  /** How long a zone with an empty disk waits for upstream before it begins anew. Default 3,000. */
  restoreTimeoutMs?: number;
  /** Default: as Kuma's. */
  names?: NameSettings & { cidr: string };
  onNameConflict?: (mesh: string, conflict: NameConflict) => void;
  /** Default: as Kuma's. */
  services?: ServiceSettings;
  onServiceConflict?: ServicePublisherOptions["onConflict"];
  onMeshEnded?: WriterDutyOptions["onMeshEnded"];
  clock?: () => number;
  schedule?: Schedule;
  signal?: AbortSignal;
  onRole?: (role: ZoneSyncStatus["role"]) => void;
  onError?: (error: unknown) => void;
}

export interface ZoneSyncStatus {
  zone: string;
  connected: boolean;
  /** Whether this instance writes for the zone, and under which term; else which one does, if that is known. */
  role: { writes: boolean; term?: number; writer?: string };
  revision: number;
  checksum: string;
  mirrors: readonly MirrorStatus[];
  zones: readonly string[];
  deadZones: readonly string[];
}

const defaultNames = { cidr: "240.0.0.0/4", domain: "mesh", serviceVipEnabled: true, serviceVipPort: 80 };
const defaultServices: ServiceSettings = {
  cidrs: { MeshService: "241.0.0.0/8", MeshExternalService: "242.0.0.0/8", MeshMultiZoneService: "243.0.0.0/8" },
  deletionGracePeriodMs: 60 * 60 * 1_000,
  defaultHostnameGenerators: true,
  environment: "universal",
};

/**
 * What a zone's sync service does: configuration down, the other zones' inventory down, and, if it is the one of the zone's that writes,
 * what `WriterDuty` says. Any number of them serve a zone; all but the writer copy the zone's own records from it.
 */
export class ZoneSync {
  readonly #options: ZoneSyncOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #mirrors: Mirrors;
  /** Of the other zones' inventories. */
  readonly #reached = new Map<string, PromiseWithResolvers<void>>();
  readonly #tasks: Promise<void>[] = [];
  readonly #configMirrored = Promise.withResolvers<void>();
  #feed!: InventoryFeed;
  #role!: ZoneRole;
  #boundingHistory = false;

  private constructor(options: ZoneSyncOptions) {
    this.#options = options;
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    this.#onError = options.onError ?? (() => {});
    this.#mirrors = new Mirrors(this.#onError);
  }

  /**
   * Resolves when the zone serves from its local log; upstream need not be there. Let others append to the zone's topics only after that:
   * a zone whose disk was lost first takes its own records back from upstream.
   */
  static async open(options: ZoneSyncOptions): Promise<ZoneSync> {
    const sync = new ZoneSync(options);
    try {
      await sync.#start();
    } catch (error) {
      await sync.close();
      throw error;
    }
    return sync;
  }

  /** Resolves once the local log has everything that upstream's had when the copying began; at once if there is no upstream. */
  get configMirrored(): Promise<void> {
    return this.#configMirrored.promise;
  }

  /** Resolves once the local log also has what upstream's had of every zone that the configuration then names. */
  async inventoriesMirrored(): Promise<void> {
    await this.configMirrored;
    await Promise.all([...this.#reached.values()].map(({ promise }) => promise));
  }

  get feed(): InventoryFeed {
    return this.#feed;
  }

  liveZones(): ReadonlySet<string> {
    return this.#feed.liveZones();
  }

  watchLiveZones(listener: (changed: ReadonlySet<string>) => void): () => void {
    return this.#feed.watchLiveZones(listener);
  }

  /** Resolves when this instance has the role that the log gives it and, as the writer, what this zone offers and the names it has are in the local log. */
  settled(): Promise<void> {
    return this.#role.settled();
  }

  status(): ZoneSyncStatus {
    const { zone, config, connection, upstream } = this.#options;
    return {
      zone,
      connected: connection?.connected ?? upstream !== undefined,
      role: this.#role.status(),
      revision: config.revision,
      checksum: config.checksum(),
      mirrors: this.#mirrors.status(),
      zones: this.#feed.zones(),
      deadZones: this.#feed.zones().filter((other) => !this.#feed.isLive(other)),
    };
  }

  /** Gives the zone to another instance, if there is one. */
  async close(): Promise<void> {
    await this.#role?.close();
    this.#stop.abort();
    await this.#feed?.close();
    await Promise.all(this.#tasks);
  }

  async #start(): Promise<void> {
    const { zone, local, upstream, config, resources, inventory, restoreTimeoutMs = 3_000 } = this.#options;
    const own = [topics.zone(zone), topics.inventory(zone)];
    const signal = this.#signal;
    const wasLost =
      upstream !== undefined &&
      (await restoreOwnTopics({ topics: own, local, upstream, timeoutMs: restoreTimeoutMs, signal, onError: this.#onError }));
    for (const topic of own) await local.ensureTopic(topicConfig(topic));
    // What the zone has written before, taken back or not, is known before anything is computed from it.
    await resources.reaches(await local.head(topics.zone(zone)), signal);
    this.#feed = await InventoryFeed.open({ log: local, config, inventory, zone, signal, onError: this.#onError });
    if (upstream) {
      this.#tasks.push(this.#mirrorConfigDown(upstream));
      const others = new ZoneTasks({
        config,
        except: [zone],
        signal,
        run: (other, until) => this.#mirrorInventory(other, upstream, until),
      });
      signal.addEventListener("abort", () => this.#tasks.push(others.close()), { once: true });
    } else {
      this.#configMirrored.resolve();
    }
    config.watch(() => void this.#boundHistory());
    const { self, dial, clock, schedule, leaseMs, heartbeatIntervalMs, graceMs, names, onNameConflict } = this.#options;
    const { services, onServiceConflict } = this.#options;
    this.#role = await ZoneRole.open({
      ...this.#options,
      decided: this.#options.decided ?? config,
      upstream,
      connection: this.#options.connection,
      feed: this.#feed,
      mirrors: this.#mirrors,
      self: self ?? { instance: zone, address: "", certificate: "" },
      dial,
      leaseMs: leaseMs ?? 6_000,
      heartbeatIntervalMs: heartbeatIntervalMs ?? 2_000,
      graceMs: graceMs ?? 10_000,
      restoreTimeoutMs,
      names: names ?? defaultNames,
      // On a new disk the names of other zones' services are left as they were until these zones have been heard.
      othersHeard: wasLost ? this.inventoriesMirrored() : undefined,
      onNameConflict: onNameConflict ?? (() => {}),
      services: services ?? defaultServices,
      onServiceConflict: onServiceConflict ?? (() => {}),
      onMeshEnded: this.#options.onMeshEnded ?? (() => {}),
      clock: clock ?? Date.now,
      schedule: schedule ?? scheduleTimeout,
      signal,
      onError: this.#onError,
    });
  }

  #mirrorConfigDown(upstream: MirrorLog): Promise<void> {
    const status = this.#mirrors.track(topics.config, "down");
    return mirrorConfig({
      upstream,
      local: this.#options.local,
      signal: this.#signal,
      onCaughtUp: () => {
        status.caughtUp = true;
        this.#configMirrored.resolve();
      },
      onTrouble: (error) => this.#mirrors.note(status, error),
    });
  }

  async #mirrorInventory(zone: string, upstream: MirrorLog, signal: AbortSignal): Promise<void> {
    const topic = topics.inventory(zone);
    const reached = Promise.withResolvers<void>();
    this.#reached.set(zone, reached);
    const { local } = this.#options;
    await this.#mirrors.run({ topic, direction: "down", from: upstream, to: local, signal, onCaughtUp: reached.resolve });
    reached.resolve();
    this.#reached.delete(zone);
  }

  async #boundHistory(): Promise<void> {
    const { local, config, historyRecords = 10_000 } = this.#options;
    if (this.#boundingHistory) return;
    this.#boundingHistory = true;
    try {
      if (config.revision - (await local.tail(topics.config)) < 2 * historyRecords) return;
      const revision = await config.writeSnapshot();
      await local.truncateBefore(topics.config, revision - historyRecords);
    } catch (error) {
      if (!this.#signal.aborted) this.#onError(error);
    } finally {
      this.#boundingHistory = false;
    }
  }
}
