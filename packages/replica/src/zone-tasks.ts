import type { ResourceReader, WatchedReader } from "./reader.ts";

/** The configuration as far as it says which zones there are. `ConfigReplica` is one. */
export type ZoneDirectory = WatchedReader;

/** Names of all zones, sorted. */
export function allZones(config: ResourceReader): string[] {
  return config.list("Zone").map(({ name }) => name);
}

/** Names of the zones that are not switched off, sorted. */
export function enabledZones(config: ResourceReader): string[] {
  return config.list<{ enabled?: boolean } | undefined>("Zone").flatMap(({ name, spec }) => (spec?.enabled === false ? [] : [name]));
}

export interface ZoneTasksOptions {
  config: ZoneDirectory;
  /** Default: `enabledZones`. */
  select?: (config: ResourceReader) => readonly string[];
  /** Always there, whatever the configuration says. */
  always?: readonly string[];
  /** Never there. */
  except?: readonly string[];
  signal: AbortSignal;
  /** Runs until its signal aborts; a zone that comes again is run again after the earlier run has ended. */
  run: (zone: string, signal: AbortSignal) => Promise<void>;
}

/** One task per zone, begun and ended as the configuration's Zone resources come and go. */
export class ZoneTasks {
  readonly #options: ZoneTasksOptions;
  readonly #running = new Map<string, { stop: AbortController; ended: Promise<void> }>();
  readonly #ended = new Map<string, Promise<void>>();
  readonly #unwatch: () => void;

  constructor(options: ZoneTasksOptions) {
    this.#options = options;
    this.#unwatch = options.config.watch((event) => {
      if (event.keys.some((key) => key.startsWith("Zone/"))) this.#align();
    });
    options.signal.addEventListener("abort", () => this.#stopAll(), { once: true });
    this.#align();
  }

  zones(): string[] {
    return [...this.#running.keys()].sort();
  }

  /** Resolves when every task has ended. */
  async close(): Promise<void> {
    this.#stopAll();
    await Promise.all(this.#ended.values());
  }

  #align(): void {
    const { config, select = enabledZones, always = [], except = [], signal } = this.#options;
    if (signal.aborted) return;
    const wanted = new Set([...always, ...select(config)]);
    for (const zone of except) wanted.delete(zone);
    for (const [zone, { stop }] of this.#running) {
      if (wanted.has(zone)) continue;
      stop.abort();
      this.#running.delete(zone);
    }
    for (const zone of wanted) if (!this.#running.has(zone)) this.#start(zone);
  }

  #start(zone: string): void {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stop.signal]);
    const before = this.#ended.get(zone) ?? Promise.resolve();
    const ended = before.then(() => (signal.aborted ? undefined : this.#options.run(zone, signal)));
    this.#running.set(zone, { stop, ended });
    this.#ended.set(
      zone,
      ended.catch(() => {}),
    );
  }

  #stopAll(): void {
    this.#unwatch();
    for (const { stop } of this.#running.values()) stop.abort();
    this.#running.clear();
  }
}
