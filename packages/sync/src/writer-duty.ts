import { LogError, type MirrorLog, pause, termOf, topics } from "@atoll/event-log";
import { type ConfigReplica, type ZoneReplica, encodeJson, readToHead, writerMark } from "@atoll/replica";
import { AvailabilityPublisher } from "./availability-publisher.ts";
import type { InventoryFeed } from "./inventory-feed.ts";
import { type Heartbeat, heartbeatKey, livenessKey } from "./inventory-records.ts";
import { LivenessJudge, type Schedule } from "./liveness-judge.ts";
import { MeshEnds, type MeshEndsOptions } from "./mesh-ends.ts";
import type { Mirrors } from "./mirrors.ts";
import { NamePublisher, type NamePublisherOptions } from "./name-publisher.ts";
import { ServicePublisher, type ServicePublisherOptions } from "./service-publisher.ts";
import type { UpstreamConnection } from "./zone-sync.ts";

export interface WriterDutyOptions {
  zone: string;
  local: MirrorLog;
  upstream: MirrorLog | undefined;
  /** As `ZoneSyncOptions.connection`. */
  connection: UpstreamConnection | undefined;
  config: ConfigReplica;
  /** The configuration as it holds in the zone. */
  decided: NamePublisherOptions["config"];
  resources: ZoneReplica;
  inventory: NamePublisherOptions["inventory"];
  feed: InventoryFeed;
  mirrors: Mirrors;
  /** Of the election; undefined where there is none. */
  term: number | undefined;
  /** Upstream's heads of the zone's topics before this instance took over from another: what that one adds from there on is undone. */
  takenOverAt: ReadonlyMap<string, number>;
  names: NamePublisherOptions["settings"];
  onNameConflict: NamePublisherOptions["onConflict"];
  services: ServicePublisherOptions["settings"];
  onServiceConflict: ServicePublisherOptions["onConflict"];
  onMeshEnded: MeshEndsOptions["onEnded"];
  /** Resolves when what other zones offer is known; undefined = it is. Until then the names they give stay as they are. */
  othersHeard: Promise<void> | undefined;
  /** Ends the duty, also before it has begun: what is not written by then is left. */
  signal: AbortSignal;
  heartbeatIntervalMs: number;
  graceMs: number;
  clock: () => number;
  schedule: Schedule;
  onError: (error: unknown) => void;
}

/**
 * What the zone's writer does and no other of its sync services: the zone's records go up, what the zone offers and which names it has
 * are computed on change, heartbeats say that the zone lives, and the other zones are judged by theirs.
 */
export class WriterDuty {
  readonly #options: WriterDutyOptions;
  readonly #stop = new AbortController();
  readonly #publisher: AvailabilityPublisher;
  readonly #judge: LivenessJudge;
  #meshEnds: MeshEnds | undefined;
  #names: NamePublisher | undefined;
  #services: ServicePublisher | undefined;
  readonly #tasks: Promise<void>[] = [];

  private constructor(options: WriterDutyOptions) {
    this.#options = options;
    const { zone, local, decided: config, resources, graceMs, clock, schedule, signal, onError } = options;
    if (signal.aborted) this.#stop.abort();
    else signal.addEventListener("abort", () => this.#stop.abort(), { once: true });
    this.#publisher = new AvailabilityPublisher({ zone, log: local, config, resources, signal: this.#stop.signal, onError });
    this.#judge = new LivenessJudge({ graceMs, clock, schedule, onVerdict: (dead) => this.#append(livenessKey, { dead }) });
  }

  /** Resolves when what this zone offers, and the names it has, as far as known now, are in the local log. */
  static async begin(options: WriterDutyOptions): Promise<WriterDuty> {
    const duty = new WriterDuty(options);
    await duty.#begin();
    return duty;
  }

  get dead(): readonly string[] {
    return this.#judge.dead;
  }

  async settled(): Promise<void> {
    // What a zone has as services is also what it offers.
    await Promise.all([this.#meshEnds?.settled(), this.#services?.settled(), this.#names?.settled()]);
    await this.#publisher.settled();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#judge.close();
    await this.settled();
    await Promise.all(this.#tasks);
  }

  async #begin(): Promise<void> {
    const { zone, local, upstream, resources, term, heartbeatIntervalMs, othersHeard } = this.#options;
    const own = [topics.zone(zone), topics.inventory(zone)];
    if (term) for (const topic of own) await this.#mark(topic, term);
    this.#judgeOthers();
    if (upstream) for (const topic of own) this.#tasks.push(this.#mirrorUp(topic, upstream));
    await resources.reaches(await local.head(topics.zone(zone)), this.#stop.signal);
    this.#endMeshes();
    this.#publisher.refresh();
    if (othersHeard) void othersHeard.then(() => this.#startNames());
    else this.#startNames();
    await this.settled();
    this.#beat();
    const beat = setInterval(() => this.#beat(), heartbeatIntervalMs);
    beat.unref();
    this.#stop.signal.addEventListener("abort", () => clearInterval(beat), { once: true });
  }

  #endMeshes(): void {
    const { config, resources, upstream, mirrors, onMeshEnded: onEnded, onError } = this.#options;
    const isCaughtUp = () => upstream === undefined || mirrors.isCaughtUp(topics.config);
    this.#meshEnds = new MeshEnds({ config, resources, isCaughtUp, signal: this.#stop.signal, onEnded, onError });
  }

  #startNames(): void {
    if (this.#stop.signal.aborted) return;
    this.#startServices();
    const { zone, names: settings, decided: config, resources, inventory, onError, onNameConflict: onConflict } = this.#options;
    this.#names = new NamePublisher({
      ...{ zone, settings, config, resources, inventory, onError, onConflict },
      signal: this.#stop.signal,
    });
    this.#names.refresh();
  }

  #startServices(): void {
    const {
      zone,
      services: settings,
      decided: config,
      resources,
      feed,
      clock,
      schedule,
      onError,
      onServiceConflict: onConflict,
    } = this.#options;
    const { signal } = this.#stop;
    this.#services = new ServicePublisher({ zone, settings, config, resources, feed, clock, schedule, signal, onError, onConflict });
    this.#services.refresh();
  }

  /** The first record of a term; one that is there already, from before a restart, stays where it is. */
  async #mark(topic: string, term: number): Promise<void> {
    const { local } = this.#options;
    const key = writerMark(term);
    for await (const batch of readToHead(local, topic, 0)) if (batch.some((record) => record.key === key)) return;
    await local.append(topic, [
      { key, value: encodeJson({ term }) },
      { key: writerMark(term - 1), value: null },
    ]);
  }

  #judgeOthers(): void {
    const { zone, config, connection, upstream, feed } = this.#options;
    const judge = this.#judge;
    let known = new Set<string>();
    const align = (): void => {
      const zones = new Set(feed.zones().filter((other) => other !== zone));
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
      feed.watchHeartbeats((event) => {
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
    this.#stop.signal.addEventListener("abort", () => unwatch.forEach((stop) => stop()), { once: true });
  }

  /** Upstream's copy of a topic is this instance's, also when a deposed writer has added to it. */
  async #mirrorUp(topic: string, upstream: MirrorLog): Promise<void> {
    const { local, mirrors, term, takenOverAt } = this.#options;
    const position = { next: takenOverAt.get(topic) };
    let replaceBecause: string | undefined;
    while (!this.#stop.signal.aborted) {
      const restart = new AbortController();
      const signal = AbortSignal.any([this.#stop.signal, restart.signal]);
      const watching = term === undefined ? undefined : this.#intrusion(topic, upstream, term, position, signal);
      void watching?.then(() => restart.abort());
      await mirrors.run({ topic, direction: "up", from: local, to: upstream, signal, term, replaceBecause });
      replaceBecause = "a deposed writer has written to it";
    }
  }

  /** Resolves when upstream has a record that a writer of an earlier term appended after this one took over. */
  async #intrusion(
    topic: string,
    upstream: MirrorLog,
    term: number,
    position: { next: number | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        const { incarnation, copy, head } = await upstream.describe(topic);
        position.next ??= head;
        // A log that keeps its source's offsets refuses such a record itself.
        if (incarnation === copy.incarnation && incarnation !== "") return await aborted(signal);
        for await (const batch of upstream.read(topic, position.next, signal)) {
          const last = batch.at(-1);
          if (last) position.next = last.offset + 1;
          if (batch.some((record) => termOf(record) < term)) return;
        }
      } catch (error) {
        if (error instanceof LogError && error.code === "out-of-range") position.next = undefined;
        await pause(1_000, signal);
      }
    }
  }

  #beat(): void {
    const { config, clock } = this.#options;
    const at = new Date(clock()).toISOString();
    this.#append(heartbeatKey, { at, revision: config.revision, checksum: config.checksum() } satisfies Heartbeat);
    if (this.#meshEnds?.isBehind) this.#meshEnds.align();
    for (const one of [this.#publisher, this.#names, this.#services]) if (one?.isBehind) one.refresh();
  }

  #append(key: string, value: object): void {
    const { local, zone, onError } = this.#options;
    local.append(topics.inventory(zone), [{ key, value: encodeJson(value) }], { durable: false }).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) onError(error);
    });
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));
