import { keyText, type KubernetesObject, type ObjectKey, type ObjectKind } from "@atoll/kubernetes";
import { Delay, type Timers } from "./delay.ts";
import { isGone, type KubernetesApi, KubernetesError, type Selection, type WatchEvent } from "./kubernetes-api.ts";
import { newerVersion, slimmed } from "./object-version.ts";

/** What was there and what is there now; one of them may be missing. */
export type ObjectListener = (now: KubernetesObject | undefined, before: KubernetesObject | undefined) => void;

export interface InformerOptions {
  readonly api: KubernetesApi;
  readonly kind: ObjectKind;
  readonly selection?: Selection;
  readonly timers: Timers;
  /** Told of what the informer survives: it tries again after a while. */
  readonly onError: (error: unknown) => void;
}

/**
 * A copy of the objects of one kind that follows a watch. A watch that ends goes on where it was; one whose past the server has forgotten begins
 * anew with a list, whose difference to the copy is what listeners hear. Nothing is asked for by time.
 */
export class Informer {
  readonly kind: ObjectKind;
  readonly #options: InformerOptions;
  readonly #stop = new AbortController();
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #byNamespace = new Map<string, Set<string>>();
  readonly #listeners = new Set<ObjectListener>();
  readonly #synced = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #isSynced = false;
  /** Up to which version the copy is; undefined: there is no telling what is missing. */
  #version: string | undefined;
  /** For those who look in: how often a list was made, and a watch begun. */
  readonly counts = { lists: 0, watches: 0, events: 0 };

  constructor(options: InformerOptions) {
    this.kind = options.kind;
    this.#options = options;
    this.#running = this.#run();
  }

  /** Resolves when the first list is in. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): KubernetesObject | undefined {
    return this.#objects.get(keyText(key));
  }

  *list(namespace?: string): Generator<KubernetesObject> {
    if (namespace === undefined) yield* this.#objects.values();
    else for (const key of this.#byNamespace.get(namespace) ?? []) yield this.#objects.get(key)!;
  }

  listen(listener: ObjectListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes what a write was answered with, so that nobody decides by what is older before the watch brings it. */
  observe(object: KubernetesObject): void {
    if (!this.#isSynced || object.metadata.deletionTimestamp !== undefined) return;
    const present = this.#objects.get(keyText(object.metadata));
    if (present !== undefined && !newerVersion(object, present)) return;
    this.#put(object);
  }

  close(): Promise<void> {
    this.#stop.abort();
    return this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { timers, onError } = this.#options;
    const delay = new Delay({ firstMs: 200, maxMs: 30_000, timers });
    while (!signal.aborted) {
      try {
        this.#version ??= await this.#relist();
        this.counts.watches += 1;
        await this.#follow(this.#version, () => delay.reset());
      } catch (error) {
        if (signal.aborted) return;
        if (isGone(error)) this.#version = undefined;
        onError(error);
        await delay.wait(signal);
      }
    }
  }

  async #relist(): Promise<string> {
    this.counts.lists += 1;
    const { items, resourceVersion } = await this.#options.api.list(this.kind, this.#options.selection);
    const seen = new Set<string>();
    for (const object of items) {
      seen.add(keyText(object.metadata));
      this.#put(object);
    }
    for (const [key, object] of this.#objects) if (!seen.has(key)) this.#remove(key, object);
    this.#isSynced = true;
    this.#synced.resolve();
    return resourceVersion;
  }

  /** Until the watch ends; the next one goes on where it was. */
  async #follow(from: string, onProgress: () => void): Promise<void> {
    const watch = { ...this.#options.selection, resourceVersion: from, signal: this.#stop.signal };
    for await (const event of this.#options.api.watch(this.kind, watch)) {
      this.#take(event);
      this.#version = event.object.metadata.resourceVersion ?? this.#version;
      onProgress();
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === "ERROR") throw new KubernetesError(object.code ?? 500, "", object.message ?? "the watch failed");
    if (type === "BOOKMARK") return;
    this.counts.events += 1;
    const key = keyText(object.metadata);
    const present = this.#objects.get(key);
    if (type !== "DELETED") {
      if (present === undefined || newerVersion(object, present) || object.metadata.uid !== present.metadata.uid) this.#put(object);
    } else if (present !== undefined && (object.metadata.uid === present.metadata.uid || newerVersion(object, present))) {
      this.#remove(key, present);
    }
  }

  #put(object: KubernetesObject): void {
    const key = keyText(object.metadata);
    const before = this.#objects.get(key);
    if (before !== undefined && before.metadata.resourceVersion === object.metadata.resourceVersion) return;
    const now = slimmed(object);
    this.#objects.set(key, now);
    const { namespace } = object.metadata;
    if (before === undefined && namespace !== undefined) {
      const keys = this.#byNamespace.get(namespace) ?? new Set();
      keys.add(key);
      this.#byNamespace.set(namespace, keys);
    }
    this.#tell(now, before);
  }

  #remove(key: string, before: KubernetesObject): void {
    this.#objects.delete(key);
    const { namespace } = before.metadata;
    if (namespace !== undefined) {
      const keys = this.#byNamespace.get(namespace);
      keys?.delete(key);
      if (keys?.size === 0) this.#byNamespace.delete(namespace);
    }
    this.#tell(undefined, before);
  }

  #tell(now: KubernetesObject | undefined, before: KubernetesObject | undefined): void {
    for (const listener of this.#listeners) {
      try {
        listener(now, before);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}
