import { Backoff, LogError, type MirrorLog, mirrorTopic, pause, topicConfig, topics } from "@atoll/event-log";
import type { Inventory } from "@atoll/inventory";
import { type ConfigReplica, type ZoneReplica, ZoneTasks, encodeJson } from "@atoll/replica";
import { AvailabilityPublisher } from "./availability-publisher.ts";
import { mirrorConfig } from "./config-mirror.ts";
import { InventoryFeed } from "./inventory-feed.ts";
import { type Heartbeat, heartbeatKey, livenessKey } from "./inventory-records.ts";
import type { NameConflict, NameSettings } from "@atoll/names";
import { LivenessJudge, type Schedule, scheduleTimeout } from "./liveness-judge.ts";
import { NamePublisher } from "./name-publisher.ts";
import { restoreOwnTopics } from "./restore-own-topics.ts";
import { withDescribe } from "./with-describe.ts";

/** The zone's own log: what it holds is served with everything else down. `EmbeddedLog` is one. */
export interface LocalLog extends MirrorLog {
  truncateBefore(topic: string, offset: number): Promise<void>;
}

export interface UpstreamConnection {
  readonly connected: boolean;
  watch(listener: (connected: boolean) => void): () => void;
}

export interface ZoneSyncOptions {
  zone: string;
  local: LocalLog;
  /** Global's log, through its relay. Absent: the zone runs on what it has. */
  upstream?: MirrorLog;
  /** Whether upstream can be heard at all. Absent: it can, if there is one. */
  connection?: UpstreamConnection;
  /** Both over `local`. */
  config: ConfigReplica;
  resources: ZoneReplica;
  inventory: Inventory;
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
  clock?: () => number;
  schedule?: Schedule;
  signal?: AbortSignal;
  onError?: (error: unknown) => void;
}

export interface MirrorStatus {
  topic: string;
  direction: "down" | "up";
  caughtUp: boolean;
  /** Why it does not go on at present. */
  trouble?: string;
}

export interface ZoneSyncStatus {
  zone: string;
  connected: boolean;
  revision: number;
  checksum: string;
  mirrors: readonly MirrorStatus[];
  zones: readonly string[];
  deadZones: readonly string[];
}

const defaultNames = { cidr: "240.0.0.0/4", domain: "mesh", serviceVipEnabled: true, serviceVipPort: 80 };

/**
 * What a zone's sync service does, the only process of a zone that talks to global: configuration down, the zone's records up, the other
 * zones' inventory down, what this zone offers and which names it has computed on change, and heartbeats.
 */
export class ZoneSync {
  readonly #options: ZoneSyncOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #clock: () => number;
  readonly #mirrors = new Map<string, MirrorStatus>();
  /** Of the mirrors that go down. */
  readonly #reached = new Map<string, PromiseWithResolvers<void>>();
  readonly #tasks: Promise<void>[] = [];
  readonly #configMirrored = Promise.withResolvers<void>();
  #publisher!: AvailabilityPublisher;
  #names: NamePublisher | undefined;
  #feed!: InventoryFeed;
  #judge!: LivenessJudge;
  #boundingHistory = false;

  private constructor(options: ZoneSyncOptions) {
    this.#options = options;
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    this.#onError = options.onError ?? (() => {});
    this.#clock = options.clock ?? Date.now;
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

  /** Resolves when what this zone offers, and the names it has, as far as known now, are in the local log. */
  async settled(): Promise<void> {
    await Promise.all([this.#publisher.settled(), this.#names?.settled()]);
  }

  status(): ZoneSyncStatus {
    const { zone, config, connection, upstream } = this.#options;
    return {
      zone,
      connected: connection?.connected ?? upstream !== undefined,
      revision: config.revision,
      checksum: config.checksum(),
      mirrors: [...this.#mirrors.values()],
      zones: this.#feed.zones(),
      deadZones: this.#judge.dead,
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#judge?.close();
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

    this.#publisher = new AvailabilityPublisher({ zone, log: local, config, resources, signal, onError: this.#onError });
    this.#feed = await InventoryFeed.open({ log: local, config, inventory, zone, signal, onError: this.#onError });
    this.#judgeOthers();
    if (upstream) {
      this.#tasks.push(this.#mirrorConfigDown(upstream));
      for (const topic of own) this.#tasks.push(this.#mirror(topic, "up", local, upstream, signal));
      const others = new ZoneTasks({
        config,
        except: [zone],
        signal,
        run: (other, until) => this.#mirror(topics.inventory(other), "down", upstream, local, until),
      });
      signal.addEventListener("abort", () => this.#tasks.push(others.close()), { once: true });
    } else {
      this.#configMirrored.resolve();
    }
    config.watch(() => void this.#boundHistory());
    this.#publisher.refresh();
    await this.#publisher.settled();
    await this.#startNames(wasLost);
    this.#beat();
    const beat = setInterval(() => this.#beat(), this.#options.heartbeatIntervalMs ?? 2_000);
    beat.unref();
    signal.addEventListener("abort", () => clearInterval(beat), { once: true });
  }

  /** On a new disk the names of other zones' services are left as they were until these zones have been heard. */
  async #startNames(hasToHearOthers: boolean): Promise<void> {
    const { zone, config, resources, inventory, names: settings = defaultNames, onNameConflict = () => {} } = this.#options;
    const start = (): void => {
      const signal = this.#signal;
      this.#names = new NamePublisher({
        ...{ zone, settings, config, resources, inventory, signal },
        onError: this.#onError,
        onConflict: onNameConflict,
      });
      this.#names.refresh();
    };
    if (hasToHearOthers) {
      void this.inventoriesMirrored().then(start);
      return;
    }
    start();
    await this.#names?.settled();
  }

  #judgeOthers(): void {
    const { zone, config, connection, upstream, graceMs = 10_000, schedule = scheduleTimeout } = this.#options;
    const judge = new LivenessJudge({ graceMs, clock: this.#clock, schedule, onVerdict: (dead) => this.#append(livenessKey, { dead }) });
    this.#judge = judge;
    let known = new Set<string>();
    const align = (): void => {
      const zones = new Set(this.#feed.zones().filter((other) => other !== zone));
      for (const other of zones) if (!known.has(other)) judge.hear(other);
      for (const other of known) if (!zones.has(other)) judge.forget(other);
      known = zones;
    };
    align();
    // Registered after the feed's own listener, so that its list of zones is already the new one.
    const unwatch = [
      config.watch(({ keys }) => {
        if (keys.some((key) => key.startsWith("Zone/"))) align();
      }),
      this.#feed.watchHeartbeats((event) => {
        if (event.zone !== zone) judge.hear(event.zone);
      }),
    ];
    // The verdict of an earlier run was about that time.
    this.#append(livenessKey, { dead: [] });
    if (connection) {
      unwatch.push(connection.watch((connected) => judge.connected(connected)));
      judge.connected(connection.connected);
    } else {
      judge.connected(upstream !== undefined);
    }
    this.#signal.addEventListener("abort", () => unwatch.forEach((stop) => stop()), { once: true });
  }

  #mirrorConfigDown(upstream: MirrorLog): Promise<void> {
    const status = this.#track(topics.config, "down");
    return mirrorConfig({
      upstream,
      local: this.#options.local,
      signal: this.#signal,
      onCaughtUp: () => {
        status.caughtUp = true;
        this.#configMirrored.resolve();
      },
      onTrouble: (error) => this.#note(status, error),
    });
  }

  async #mirror(topic: string, direction: "down" | "up", from: MirrorLog, to: MirrorLog, signal: AbortSignal): Promise<void> {
    const status = this.#track(topic, direction);
    const backoff = new Backoff({ firstMs: 200, maxMs: 30_000 });
    const upstream = direction === "down" ? from : to;
    const noticed = withDescribe(upstream, async (name) => {
      const description = await upstream.describe(name);
      this.#note(status, undefined);
      return description;
    });
    while (!signal.aborted) {
      try {
        await mirrorTopic({
          topic,
          from: direction === "down" ? noticed : from,
          to: direction === "up" ? noticed : to,
          signal,
          onCaughtUp: () => {
            backoff.reset();
            status.caughtUp = true;
            this.#reached.get(topic)?.resolve();
          },
          onInterrupted: (error) => this.#note(status, error),
        });
      } catch (error) {
        if (signal.aborted) break;
        this.#note(status, error as Error);
        if (error instanceof LogError && error.code === "closed") break;
        await pause(backoff.next(), signal);
      }
    }
    this.#mirrors.delete(topic);
    this.#reached.get(topic)?.resolve();
    this.#reached.delete(topic);
  }

  #track(topic: string, direction: "down" | "up"): MirrorStatus {
    const status: MirrorStatus = { topic, direction, caughtUp: false };
    this.#mirrors.set(topic, status);
    if (direction === "down" && topic !== topics.config) this.#reached.set(topic, Promise.withResolvers());
    return status;
  }

  /** Reports a trouble when it begins or becomes another, not at every attempt. */
  #note(status: MirrorStatus, error: Error | undefined): void {
    const trouble = error?.message;
    if (trouble !== undefined && trouble !== status.trouble) {
      this.#onError(new Error(`${status.topic} is not mirrored ${status.direction}: ${trouble}`, { cause: error }));
    }
    if (trouble === undefined) delete status.trouble;
    else status.trouble = trouble;
  }

  #beat(): void {
    const { config } = this.#options;
    const at = new Date(this.#clock()).toISOString();
    this.#append(heartbeatKey, { at, revision: config.revision, checksum: config.checksum() } satisfies Heartbeat);
    for (const one of [this.#publisher, this.#names]) if (one?.isBehind) one.refresh();
  }

  #append(key: string, value: object): void {
    const { local, zone } = this.#options;
    local.append(topics.inventory(zone), [{ key, value: encodeJson(value) }], { durable: false }).catch((error: unknown) => {
      if (!this.#signal.aborted) this.#onError(error);
    });
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
