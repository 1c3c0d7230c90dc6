import { isDeepStrictEqual } from "node:util";
import { keyText, kindId, type KubernetesObject, type ObjectKey, type ObjectKind } from "@atoll/kubernetes";
import {
  appliesDifference,
  type ClusterCache,
  fieldManager,
  isConflict,
  isNotFound,
  type KubernetesApi,
  type Timers,
} from "@atoll/kubernetes-client";
import type { ClusterView, Controller, Desired, OwnedKind } from "@atoll/kubernetes-controllers";
import { KeyedWorker } from "../keyed-worker.ts";
import { hasStatusSubresource } from "../status-subresource.ts";
import type { ObjectEvents } from "./object-events.ts";

export interface ControllerRunnerOptions {
  readonly controller: Controller;
  readonly api: KubernetesApi;
  readonly cache: ClusterCache;
  readonly view: ClusterView;
  readonly events: ObjectEvents;
  readonly timers: Timers;
  readonly concurrency: number;
  readonly onError: (error: unknown, context: { controller: string; key: string; delayMs: number }) => void;
  /** A reconciliation, and how many writes it took. */
  readonly onReconciled?: (controller: string, writes: number) => void;
}

const parseKey = (text: string): ObjectKey => {
  const slash = text.indexOf("/");
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
};

/**
 * Runs one controller: asks it what should be whenever something changed that it looks at, and writes what differs from what is there. It holds
 * nothing that a restart would lose: every object is looked at once in the beginning.
 */
export class ControllerRunner extends KeyedWorker {
  readonly #options: ControllerRunnerOptions;
  readonly #manager: string;
  /** Keys of owned objects by kind and owner. */
  readonly #owned: { readonly kind: ObjectKind; readonly owned: OwnedKind; readonly byOwner: Map<string, Set<string>> }[] = [];

  /** Kinds are watched already, and have their first list. */
  constructor(options: ControllerRunnerOptions) {
    const { controller, cache, timers, concurrency, onError } = options;
    super({
      work: (key) => this.#reconcile(key),
      concurrency,
      timers,
      onError: (error, key, delayMs) => onError(error, { controller: controller.name, key, delayMs }),
    });
    this.#options = options;
    this.#manager = `${fieldManager}-${controller.name}`;
    for (const owned of controller.owns) this.#follow(owned);
    for (const object of cache.objects(controller.reconciles)) this.queue.add(keyText(object.metadata));
    this.ends.push(
      cache.listen(controller.reconciles, (now, before) => this.queue.add(keyText((now ?? before)!.metadata))),
      ...controller.watches.map(({ kind, concerns }) =>
        cache.listen(kind, (now, before) => {
          for (const object of [before, now]) {
            if (object === undefined) continue;
            for (const key of concerns(object, options.view)) this.queue.add(keyText(key));
          }
        }),
      ),
    );
  }

  static kindsOf({ reconciles, owns, watches }: Controller): ObjectKind[] {
    return [reconciles, ...owns.map(({ kind }) => kind), ...watches.map(({ kind }) => kind)];
  }

  #follow(owned: OwnedKind): void {
    const byOwner = new Map<string, Set<string>>();
    const { cache } = this.#options;
    const ownerOf = (object: KubernetesObject | undefined): string | undefined => {
      const owner = object && owned.ownerOf(object);
      return owner && keyText(owner);
    };
    const take = (now: KubernetesObject | undefined, before: KubernetesObject | undefined) => {
      const key = keyText((now ?? before)!.metadata);
      const [owner, former] = [ownerOf(now), ownerOf(before)];
      if (former !== undefined && former !== owner) {
        const keys = byOwner.get(former);
        keys?.delete(key);
        if (keys?.size === 0) byOwner.delete(former);
      }
      if (owner !== undefined) byOwner.set(owner, (byOwner.get(owner) ?? new Set()).add(key));
      for (const concerned of new Set([owner, former])) if (concerned !== undefined) this.queue.add(concerned);
    };
    for (const object of cache.objects(owned.kind)) take(object, undefined);
    this.ends.push(cache.listen(owned.kind, take));
    this.#owned.push({ kind: owned.kind, owned, byOwner });
  }

  async #reconcile(key: string): Promise<void> {
    const { controller, view, onReconciled } = this.#options;
    const object = view.object(controller.reconciles, parseKey(key));
    const desired: Desired | undefined = object === undefined ? { objects: [] } : controller.reconcile(object, view);
    if (desired === undefined) return;
    let writes = 0;
    for (const wanted of desired.objects) writes += await this.#write(wanted, key, object);
    writes += await this.#deleteOthers(desired, key);
    if (object !== undefined) writes += await this.#writeOwn(object, desired);
    onReconciled?.(controller.name, writes);
  }

  async #write(wanted: KubernetesObject, key: string, reconciled: KubernetesObject | undefined): Promise<number> {
    const { api, cache, view, controller, events } = this.#options;
    const entry = this.#owned.find(({ kind }) => isOfKind(wanted, kind));
    const kind = entry?.kind ?? (isOfKind(wanted, controller.reconciles) ? controller.reconciles : undefined);
    if (kind === undefined) throw new Error(`${controller.name} wants a ${wanted.kind}, which is none of the kinds that it owns`);
    const present = view.object(kind, wanted.metadata);
    if (present !== undefined) {
      const owner = entry?.owned.ownerOf(present);
      if (entry !== undefined && (owner === undefined || keyText(owner) !== key)) {
        const message = `${wanted.kind} ${keyText(wanted.metadata)} is there already and belongs to somebody else: it is left as it is`;
        if (reconciled) await events.tell(reconciled, { type: "Warning", reason: "NotOwned", message });
        return 0;
      }
      if (present.metadata.deletionTimestamp !== undefined || !appliesDifference(wanted, present, this.#manager)) return 0;
    }
    cache.observe(kind, await api.apply(kind, wanted, this.#manager));
    return 1;
  }

  async #deleteOthers({ objects, kept = [] }: Desired, key: string): Promise<number> {
    const { api, view } = this.#options;
    let writes = 0;
    for (const { kind, byOwner } of this.#owned) {
      const stays = new Set([...objects, ...kept].filter((one) => isOfKind(one, kind)).map(({ metadata }) => keyText(metadata)));
      for (const other of [...(byOwner.get(key) ?? [])].filter((one) => !stays.has(one))) {
        const present = view.object(kind, parseKey(other));
        if (present === undefined || present.metadata.deletionTimestamp !== undefined) continue;
        try {
          await api.delete(kind, parseKey(other), { uid: present.metadata.uid });
          writes += 1;
        } catch (error) {
          // The cluster's own collector was faster, or another one of its name has come.
          if (!isNotFound(error) && !isConflict(error)) throw error;
        }
      }
    }
    return writes;
  }

  async #writeOwn(object: KubernetesObject, { status, finalizers, events = [] }: Desired): Promise<number> {
    const { api, cache, controller, events: teller } = this.#options;
    const kind = controller.reconciles;
    let writes = 0;
    try {
      if (finalizers !== undefined && !isDeepStrictEqual([...finalizers], [...(object.metadata.finalizers ?? [])])) {
        const { resourceVersion } = object.metadata;
        cache.observe(kind, await api.merge(kind, object.metadata, { metadata: { finalizers, resourceVersion } }));
        writes += 1;
      }
      if (status !== undefined && !isDeepStrictEqual(plain(status), object.status)) {
        cache.observe(kind, await api.setStatus(kind, object.metadata, status, { subresource: hasStatusSubresource(kind) }));
        writes += 1;
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    for (const event of events) await teller.tell(object, event);
    return writes;
  }
}

/** Without fields that are undefined, as JSON has it. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const isOfKind = ({ apiVersion, kind }: KubernetesObject, of: ObjectKind): boolean =>
  kind === of.kind && (of.group === "" ? !apiVersion.includes("/") : apiVersion.startsWith(`${of.group}/`));

/** Kinds without which a controller cannot run. */
export const missingKinds = (controller: Controller, served: (kind: ObjectKind) => boolean): string[] =>
  ControllerRunner.kindsOf(controller)
    .filter((kind) => !served(kind))
    .map(kindId);
