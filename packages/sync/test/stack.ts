import {
  EmbeddedLog,
  LogError,
  type LogRecord,
  type MirrorLog,
  type MirrorOptions,
  type NewRecord,
  type TopicConfig,
} from "@atoll/event-log";
import { MemoryInventory } from "@atoll/inventory";
import { type Change, ConfigReplica, type Verdict, ZoneReplica } from "@atoll/replica";
import { eventually } from "@atoll/testkit";
import { ZoneLog, ZoneSync, type ZoneSyncOptions } from "../src/index.ts";

/** Waits until the expectations in `check` hold. */
export const until = (check: () => unknown): Promise<boolean> =>
  eventually(async () => {
    await check();
    return true;
  });

export const memoryLog = (): Promise<EmbeddedLog> => EmbeddedLog.open({ path: ":memory:" });

/** A way to another log that can be cut and mended, like a relay over a network. */
export class Wire implements MirrorLog {
  readonly #log: MirrorLog;
  readonly #watchers = new Set<(connected: boolean) => void>();
  #cut = new AbortController();
  #mended = Promise.withResolvers<void>();
  connected = true;

  constructor(log: MirrorLog) {
    this.#log = log;
  }

  watch(listener: (connected: boolean) => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  cut(): void {
    this.connected = false;
    this.#mended = Promise.withResolvers();
    this.#cut.abort();
    for (const watcher of this.#watchers) watcher(false);
  }

  mend(): void {
    this.connected = true;
    this.#cut = new AbortController();
    this.#mended.resolve();
    for (const watcher of this.#watchers) watcher(true);
  }

  async *read(topic: string, fromOffset: number, signal: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    let position = fromOffset;
    let caughtUp = false;
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    while (!signal.aborted) {
      if (!this.connected) await Promise.race([this.#mended.promise, aborted]);
      for await (const batch of this.#log.read(topic, position, AbortSignal.any([signal, this.#cut.signal]))) {
        if (!this.connected) break;
        if (batch.length === 0 && caughtUp) continue;
        caughtUp ||= batch.length === 0;
        yield batch;
        position = (batch.at(-1)?.offset ?? position - 1) + 1;
      }
    }
  }

  ensureTopic(topic: TopicConfig) {
    return this.#over(() => this.#log.ensureTopic(topic));
  }
  append(topic: string, records: readonly NewRecord[]) {
    return this.#over(() => this.#log.append(topic, records));
  }
  appendMirror(topic: string, records: readonly LogRecord[], options?: MirrorOptions) {
    return this.#over(() => this.#log.appendMirror(topic, records, options));
  }
  describe(topic: string) {
    return this.#over(() => this.#log.describe(topic));
  }
  head(topic: string) {
    return this.#over(() => this.#log.head(topic));
  }
  tail(topic: string) {
    return this.#over(() => this.#log.tail(topic));
  }
  async close() {}

  async #over<T>(call: () => Promise<T>): Promise<T> {
    if (!this.connected) throw new LogError("unavailable", "the wire is cut");
    return call();
  }
}

export interface Zone {
  name: string;
  log: EmbeddedLog;
  wire: Wire;
  config: ConfigReplica;
  resources: ZoneReplica;
  inventory: MemoryInventory;
  sync: ZoneSync;
  errors: unknown[];
  /** Ends the services, not the log. */
  stop(): Promise<void>;
  /** As a crash: nothing is given back, nobody is told. The log stays as it is. */
  crash(): Promise<void>;
}

/** One global and its zones in one process, every log in memory. */
export class Stack {
  readonly global: MirrorLog;
  readonly config: ConfigReplica;
  readonly #zones: Zone[] = [];
  readonly #logs: EmbeddedLog[] = [];
  /** What other instances of a zone reach, by address. */
  readonly #relays = new Map<string, Wire>();
  #ids = 0;

  private constructor(global: MirrorLog, config: ConfigReplica) {
    this.global = global;
    this.config = config;
  }

  /** `log`: what zones share. Default: one in memory, as of a global that zones reach through its relay. */
  static async open(log?: MirrorLog): Promise<Stack> {
    const global = log ?? (await memoryLog());
    return new Stack(global, await ConfigReplica.open({ log: global }));
  }

  /** With the Mesh `default` and the Zones `east` and `west`. */
  static async ofTwoZones(): Promise<Stack> {
    const stack = await Stack.open();
    const names = [
      ["Mesh", "default"],
      ["Zone", "east"],
      ["Zone", "west"],
    ] as const;
    await stack.submit(names.map(([type, name]) => ({ op: "put", resource: { type, mesh: "", name, spec: {} } })));
    return stack;
  }

  put(type: string, mesh: string, name: string, spec: unknown = {}): Promise<Verdict> {
    return this.submit([{ op: "put", resource: { type, mesh, name, spec } }]);
  }

  submit(changes: Change[]): Promise<Verdict> {
    return this.config.submit({ id: `change-${++this.#ids}`, at: "2026-01-01T00:00:00Z", author: "test", changes, expect: [] });
  }

  /** `instance`: of several sync services of the zone; they reach each other as `across` of the others says. */
  async zone(name: string, more: Partial<ZoneSyncOptions> & { log?: EmbeddedLog; isCut?: boolean; instance?: string } = {}): Promise<Zone> {
    const log = more.log ?? (await memoryLog());
    if (!this.#logs.includes(log)) this.#logs.push(log);
    const wire = new Wire(this.global);
    if (more.isCut) wire.cut();
    const errors: unknown[] = [];
    const config = await ConfigReplica.open({ log });
    const local = new ZoneLog(log, name);
    const resources = await ZoneReplica.open({ log: local, zone: name });
    const inventory = new MemoryInventory();
    const crashed = new AbortController();
    const instance = more.instance ?? name;
    const relay = new Wire(local);
    this.#relays.set(instance, relay);
    const sync = await ZoneSync.open({
      zone: name,
      local,
      upstream: wire,
      connection: wire,
      config,
      resources,
      inventory,
      self: { instance, address: instance, certificate: "" },
      dial: ({ address }) => this.#relays.get(address)!,
      heartbeatIntervalMs: 3_600_000,
      signal: crashed.signal,
      onError: (error) => errors.push(error),
      ...more,
    });
    const stop = async (): Promise<void> => {
      await sync.close();
      await resources.close();
      await config.close();
    };
    const crash = async (): Promise<void> => {
      wire.cut();
      relay.cut();
      crashed.abort();
      await stop();
    };
    const zone = { name, log, wire, config, resources, inventory, sync, errors, stop, crash };
    this.#zones.push(zone);
    return zone;
  }

  async close(): Promise<void> {
    for (const zone of this.#zones) await zone.stop();
    await this.config.close();
    for (const log of [...this.#logs, this.global]) await log.close();
  }
}
