import { kindId, type KubernetesObject, type ObjectKey, type ObjectKind } from "@atoll/kubernetes";
import type { Timers } from "./delay.ts";
import { Informer, type ObjectListener } from "./informer.ts";
import type { KubernetesApi, Selection } from "./kubernetes-api.ts";

export interface ClusterCacheOptions {
  readonly api: KubernetesApi;
  readonly timers: Timers;
  readonly onError: (error: unknown, kind: ObjectKind) => void;
}

/** Copies of the objects of some kinds. Each kind is watched once, however many ask for it. */
export class ClusterCache {
  readonly #options: ClusterCacheOptions;
  readonly #informers = new Map<string, Informer>();

  constructor(options: ClusterCacheOptions) {
    this.#options = options;
  }

  /** Begins to watch a kind, unless it is watched already; then `selection` counts for nothing. */
  watch(kind: ObjectKind, selection?: Selection): Informer {
    const id = kindId(kind);
    const present = this.#informers.get(id);
    if (present !== undefined) return present;
    const { api, timers, onError } = this.#options;
    const informer = new Informer({ api, kind, ...(selection && { selection }), timers, onError: (error) => onError(error, kind) });
    this.#informers.set(id, informer);
    return informer;
  }

  /** Resolves when every kind that is watched by now has its first list. */
  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced));
  }

  /** Kinds whose first list is still on its way. */
  missing(): string[] {
    return [...this.#informers].flatMap(([id, informer]) => (informer.isSynced ? [] : [id]));
  }

  /** @throws Error for a kind that is not watched: what it says would be wrong for ever */
  informer(kind: ObjectKind): Informer {
    const informer = this.#informers.get(kindId(kind));
    if (informer === undefined) throw new Error(`${kindId(kind)} is not watched`);
    return informer;
  }

  isWatched(kind: ObjectKind): boolean {
    return this.#informers.has(kindId(kind));
  }

  object(kind: ObjectKind, key: ObjectKey): KubernetesObject | undefined {
    return this.informer(kind).get(key);
  }

  objects(kind: ObjectKind, namespace?: string): Iterable<KubernetesObject> {
    return this.informer(kind).list(namespace);
  }

  listen(kind: ObjectKind, listener: ObjectListener): () => void {
    return this.informer(kind).listen(listener);
  }

  /** Takes what a write was answered with. */
  observe(kind: ObjectKind, object: KubernetesObject): void {
    this.#informers.get(kindId(kind))?.observe(object);
  }

  /** How many objects each kind has, and how often it was listed and watched. */
  report(): Record<string, { objects: number; lists: number; watches: number; events: number }> {
    return Object.fromEntries([...this.#informers].map(([id, informer]) => [id, { objects: informer.size, ...informer.counts }]));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.close()));
  }
}
