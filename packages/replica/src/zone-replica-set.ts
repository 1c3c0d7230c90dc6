import type { EventLog } from "@atoll/event-log";
import { type Resource, keyString } from "@atoll/resource";
import { joinReaders } from "./join-readers.ts";
import { Listeners } from "./listeners.ts";
import type { ChangeEvent, ResourceReader } from "./reader.ts";
import { ZoneReplica } from "./zone-replica.ts";
import { type ZoneDirectory, ZoneTasks, allZones } from "./zone-tasks.ts";

export interface ZoneReplicaSetOptions {
  log: EventLog;
  /** Its Zone resources say whose topics are read; also those of zones that are switched off. */
  config: ZoneDirectory;
  signal?: AbortSignal;
  onError?: (error: unknown) => void;
}

export interface ZoneChangeEvent extends ChangeEvent {
  zone: string;
}

/** The resources of all zones as global sees them. What belonged to a zone is gone from here when its Zone resource is deleted. */
export class ZoneReplicaSet implements ResourceReader {
  readonly #stop = new AbortController();
  readonly #listeners: Listeners<ZoneChangeEvent>;
  readonly #replicas = new Map<string, ZoneReplica>();
  #joined: ResourceReader = joinReaders();
  #tasks!: ZoneTasks;

  private constructor(onError: (error: unknown) => void) {
    this.#listeners = new Listeners(onError);
  }

  /** Resolves when the topics of the zones known now were read to their heads. */
  static async open({ log, config, signal, onError = () => {} }: ZoneReplicaSetOptions): Promise<ZoneReplicaSet> {
    const set = new ZoneReplicaSet(onError);
    const loaded = new Map(allZones(config).map((zone) => [zone, Promise.withResolvers<void>()]));
    set.#tasks = new ZoneTasks({
      config,
      select: allZones,
      signal: signal ? AbortSignal.any([signal, set.#stop.signal]) : set.#stop.signal,
      run: async (zone, until) => {
        try {
          const replica = await ZoneReplica.open({ log, zone, signal: until, onError });
          set.#add(replica);
          loaded.get(zone)?.resolve();
          await new Promise<void>((resolve) =>
            until.aborted ? resolve() : until.addEventListener("abort", () => resolve(), { once: true }),
          );
          await replica.close();
          if (!set.#stop.signal.aborted) set.#remove(replica);
        } catch (error) {
          if (!until.aborted) onError(error);
        } finally {
          loaded.get(zone)?.resolve();
        }
      },
    });
    await Promise.all([...loaded.values()].map(({ promise }) => promise));
    return set;
  }

  /** Zones whose resources are read, sorted. */
  names(): readonly string[] {
    return [...this.#replicas.keys()].sort();
  }

  reader(zone: string): ZoneReplica | undefined {
    return this.#replicas.get(zone);
  }

  /** Where two zones have the same key, the zone that comes first by name answers; `reader` tells them apart. */
  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#joined.get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.#joined.list(type, mesh);
  }

  watch(listener: (event: ZoneChangeEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#tasks.close();
  }

  #add(replica: ZoneReplica): void {
    const { zone } = replica;
    this.#replicas.set(zone, replica);
    this.#join();
    replica.watch((event) => this.#listeners.send({ ...event, zone }));
    this.#sendAll(replica);
  }

  #remove(replica: ZoneReplica): void {
    this.#replicas.delete(replica.zone);
    this.#join();
    this.#sendAll(replica);
  }

  #join(): void {
    this.#joined = joinReaders(...this.names().map((name) => this.#replicas.get(name)!));
  }

  #sendAll(replica: ZoneReplica): void {
    const keys = [...replica.all()].map((resource) => keyString(resource));
    if (keys.length > 0) this.#listeners.send({ revision: replica.position, keys, zone: replica.zone });
  }
}
