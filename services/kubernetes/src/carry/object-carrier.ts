import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  carriedResource,
  type CarriedResource,
  clusterKinds,
  homeOf,
  type Home,
  isCarried,
  isSecretType,
  type KubernetesObject,
  type ObjectKey,
  type ObjectKind,
  type Place,
  requireResourceKind,
  resourceKinds,
} from "@atoll/kubernetes";
import { type ClusterCache, type Timers } from "@atoll/kubernetes-client";
import { type Kind, keyString, kindOf, kinds, parseKeyString, type ResourceDraft, type ResourceKey } from "@atoll/resource";
import { KeyedWorker } from "../keyed-worker.ts";
import type { ObjectEvents } from "../runner/object-events.ts";
import { RestRefusal, type RestWriter } from "./rest-writer.ts";
import type { Stored } from "./stored-resources.ts";

export interface ObjectCarrierOptions {
  readonly place: Place;
  readonly cache: ClusterCache;
  readonly stored: Stored;
  readonly writers: Readonly<Record<Home, RestWriter | undefined>>;
  readonly events: ObjectEvents;
  /** The Secret as the log holds it; undefined if this process has no key for it. */
  readonly seal: (draft: ResourceDraft) => ResourceDraft | undefined;
  readonly timers: Timers;
  readonly concurrency: number;
  readonly onError: (error: unknown, context: { key: string; delayMs: number }) => void;
  readonly onWritten?: (written: { type: string; result: "put" | "deleted" | "refused" }) => void;
}

/** Kinds whose objects are resources that are written here, by home. */
export const carriedKinds = (place: Place): Kind[] => kinds.filter((kind) => homeOf(kind, place) !== undefined);

/** The kind of object that a kind of resource is. */
export const objectKindOf = ({ type }: Kind): ObjectKind => (isSecretType(type) ? clusterKinds.secret : requireResourceKind(type));

/**
 * Carries objects into the log: what an object says is written through the REST API of its home, which checks it as it checks everybody's; what
 * was carried and has no object any more is deleted. What the log holds already is not written again, so a restart writes nothing.
 */
export class ObjectCarrier extends KeyedWorker {
  readonly #options: ObjectCarrierOptions;
  /** Keys that were refused: they are tried again when the object, its mesh or a Secret changes. */
  readonly #refused = new Map<string, string>();
  /** Keys that this process deleted itself, until the log shows it. */
  readonly #deleting = new Set<string>();
  /** What was written last of a key, as a hash, until the log shows a change of it: the copy of the log here is a moment behind an answer of REST. */
  readonly #sent = new Map<string, string>();

  constructor(options: ObjectCarrierOptions) {
    const { cache, place, stored, timers, concurrency, onError } = options;
    super({
      work: (key) => this.#carry(key),
      concurrency,
      timers,
      onError: (error, key, delayMs) => onError(error, { key, delayMs }),
    });
    this.#options = options;
    const watched = new Set(carriedKinds(place).map(objectKindOf));
    for (const kind of watched) {
      for (const object of cache.objects(kind)) {
        const key = this.#keyOf(object);
        if (key !== undefined) this.queue.add(key);
      }
      this.ends.push(
        cache.listen(kind, (now, before) => {
          const keys = [before, now].map((object) => object && this.#keyOf(object));
          for (const key of new Set(keys)) if (key !== undefined) this.queue.add(key);
        }),
      );
    }
    for (const kind of carriedKinds(place)) {
      const reader = stored[homeOf(kind, place)!];
      for (const resource of reader?.list(kind.type) ?? []) if (isCarried(resource)) this.queue.add(keyString(resource));
    }
    for (const home of ["config", "zone"] as const) {
      const end = stored[home]?.watch(({ keys }) => this.#onLogChange(home, keys));
      if (end) this.ends.push(end);
    }
  }

  /** What the cluster's objects say and the log does not take, and why. */
  refusals(): Record<string, string> {
    return Object.fromEntries(this.#refused);
  }

  /** Is this process about to delete the resource, or has it just done so? */
  isDeleting(key: string): boolean {
    return this.#deleting.has(key);
  }

  #keyOf(object: KubernetesObject): string | undefined {
    const carried = carriedResource(object, this.#options.place);
    return carried && keyString(carried);
  }

  #onLogChange(home: Home, keys: readonly string[]): void {
    const { place } = this.#options;
    for (const key of keys) {
      this.#deleting.delete(key);
      this.#sent.delete(key);
      const { type } = parseKeyString(key);
      if (type === "Mesh" || type === "Secret") for (const refused of this.#refused.keys()) this.queue.add(refused);
      const kind = kindOf(type);
      if (kind !== undefined && homeOf(kind, place) === home) this.queue.add(key);
    }
  }

  async #carry(text: string): Promise<void> {
    const { place, stored, writers, onWritten } = this.#options;
    const key = parseKeyString(text);
    const kind = kindOf(key.type)!;
    const home = homeOf(kind, place)!;
    const present = stored[home]?.get(key.type, key.mesh, key.name);
    const found = this.#objectOf(kind, key);
    if (found === undefined) {
      this.#refused.delete(text);
      this.#sent.delete(text);
      if (present === undefined || !isCarried(present)) return;
      this.#deleting.add(text);
      await this.#write(text, undefined, () => writers[home]!.delete(key));
      if (!this.#refused.has(text)) onWritten?.({ type: kind.type, result: "deleted" });
      return;
    }
    const { object, carried } = found;
    if (object.metadata.deletionTimestamp !== undefined) return;
    if (present !== undefined && this.#isHeld(carried, present)) {
      this.#refused.delete(text);
      return;
    }
    const sending = createHash("sha256").update(JSON.stringify(carried.body)).digest("base64");
    if (this.#sent.get(text) === sending) return;
    // Before the answer: what the log shows meanwhile counts.
    this.#sent.set(text, sending);
    try {
      await this.#write(text, object, () => writers[home]!.put(key, carried.body));
    } catch (error) {
      this.#sent.delete(text);
      throw error;
    }
    if (this.#refused.has(text)) this.#sent.delete(text);
    else onWritten?.({ type: kind.type, result: "put" });
  }

  async #write(text: string, object: KubernetesObject | undefined, write: () => Promise<void>): Promise<void> {
    const { events, onWritten } = this.#options;
    try {
      await write();
      this.#refused.delete(text);
    } catch (error) {
      this.#deleting.delete(text);
      if (!(error instanceof RestRefusal)) throw error;
      this.#refused.set(text, error.message);
      onWritten?.({ type: parseKeyString(text).type, result: "refused" });
      if (object) await events.tell(object, { type: "Warning", reason: "Refused", message: error.message });
    }
  }

  #objectOf(kind: Kind, key: ResourceKey): { object: KubernetesObject; carried: CarriedResource } | undefined {
    const { cache, place } = this.#options;
    const object = cache.object(objectKindOf(kind), objectKeyOf(kind, key.name, place));
    const carried = object && carriedResource(object, place);
    return carried !== undefined && keyString(carried) === keyString(key) ? { object: object!, carried } : undefined;
  }

  /** Does the log hold what the object says? */
  #isHeld({ expected }: CarriedResource, present: ResourceDraft): boolean {
    if (!expected.ok) return false;
    const sealed = this.#options.seal(expected.resource);
    if (sealed === undefined) return false;
    return isDeepStrictEqual(sealed.labels ?? {}, present.labels ?? {}) && isDeepStrictEqual(plain(sealed.spec), plain(present.spec));
  }
}

/** Without fields that are undefined: the log is JSON. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function objectKeyOf(kind: Kind, name: string, { systemNamespace }: Place): ObjectKey {
  if (isSecretType(kind.type)) return { namespace: systemNamespace, name };
  const dot = name.lastIndexOf(".");
  return kind.namespaced && dot > 0 ? { namespace: name.slice(dot + 1), name: name.slice(0, dot) } : { name };
}

/** Every kind of resource that a cluster holds objects of. */
export const allResourceObjectKinds: readonly ObjectKind[] = resourceKinds.filter(({ resource }) => !resource.readOnly);
