import { isDeepStrictEqual } from "node:util";
import {
  carriedResource,
  documentOf,
  homeOf,
  isCopy,
  isSecretType,
  keyText,
  type KubernetesObject,
  kindId,
  type ObjectKey,
  type ObjectKind,
  objectKey,
  objectOf,
  type Place,
  requireResourceKind,
  resourceName,
} from "@atoll/kubernetes";
import {
  type ClusterCache,
  fieldManager,
  isConflict,
  isNotFound,
  type KubernetesApi,
  KubernetesError,
  type Timers,
} from "@atoll/kubernetes-client";
import { isServiceType, serviceRecordOf, withStatus } from "@atoll/api";
import {
  type Kind,
  keyString,
  kindOf,
  kinds,
  label,
  parseKeyString,
  parseDocument,
  type Resource,
  type ResourceKey,
  serviceRecordType,
  type WithStatus,
} from "@atoll/resource";
import { KeyedWorker } from "../keyed-worker.ts";
import type { MirrorSource } from "./mirror-sources.ts";
import { objectKindOf } from "./object-carrier.ts";
import type { RestWriter } from "./rest-writer.ts";
import type { Stored } from "./stored-resources.ts";

export interface ResourceMirrorOptions {
  readonly place: Place;
  readonly api: KubernetesApi;
  readonly cache: ClusterCache;
  readonly stored: Stored;
  readonly sources: readonly MirrorSource[];
  /** Of the configuration, where it is written here. */
  readonly config: RestWriter | undefined;
  /** Whether a key went from the log because its object did. */
  readonly isDeleting: (key: string) => boolean;
  readonly timers: Timers;
  readonly concurrency: number;
  readonly onError: (error: unknown, context: { key: string; delayMs: number }) => void;
  /** An object that the API server does not take, whatever else changes. */
  readonly onRefused: (message: string, resource: ResourceKey) => void;
  readonly onWritten?: (written: { type: string; result: "applied" | "deleted" | "status" }) => void;
}

const meshKind = requireResourceKind("Mesh");

/**
 * Writes into the cluster what the log has and no object says: what comes from the other side, what the control plane makes itself, and what it found
 * out of services. A copy whose resource is gone is deleted; objects that are at home here are not touched, except when their resource was deleted.
 */
export class ResourceMirror extends KeyedWorker {
  readonly #options: ResourceMirrorOptions;
  /** What each object should say, by its id; and which object each key of a source became. */
  readonly #wanted = new Map<string, Resource>();
  readonly #idOf = new Map<string, string>();

  constructor(options: ResourceMirrorOptions) {
    const { sources, stored, cache, timers, concurrency, onError } = options;
    super({
      work: (id) => this.#reconcile(id),
      concurrency,
      timers,
      onError: (error, key, delayMs) => onError(error, { key, delayMs }),
    });
    this.#options = options;
    for (const source of sources) {
      for (const [key, resource] of source.all()) this.#want(key, resource);
      this.ends.push(source.watch((keys) => keys.forEach((key) => this.#want(key, source.get(key)))));
    }
    // Copies, also of what went while nobody looked, and services of our own.
    for (const kind of new Set(kinds.filter(({ readOnly, internal }) => !readOnly && !internal).map(objectKindOf))) {
      if (!cache.isWatched(kind)) continue;
      for (const object of cache.objects(kind)) this.#look(kind, object);
      this.ends.push(cache.listen(kind, (now, before) => this.#look(kind, (now ?? before)!)));
    }
    for (const home of ["config", "zone"] as const) {
      const end = stored[home]?.watch(({ keys }) => {
        for (const key of keys) this.#onLogChange(key);
      });
      if (end) this.ends.push(end);
    }
  }

  #look(kind: ObjectKind, object: KubernetesObject): void {
    const id = idOf(kind, object.metadata);
    if (this.#wanted.has(id) || isCopy(object, this.#options.place) || isServiceType(object.kind)) this.queue.add(id);
  }

  #want(key: string, resource: Resource | undefined): void {
    const kind = resource && kindOf(resource.type);
    const id = resource && idOf(objectKindOf(kind!), objectKey(kind!, resource, this.#options.place.systemNamespace));
    const former = this.#idOf.get(key);
    if (former !== undefined && former !== id) {
      this.#wanted.delete(former);
      this.#idOf.delete(key);
      this.queue.add(former);
    }
    if (id === undefined) return;
    this.#idOf.set(key, id);
    this.#wanted.set(id, resource!);
    this.queue.add(id);
  }

  /** A resource that was deleted takes its object along; what was found out of a service goes into its object. */
  #onLogChange(text: string): void {
    const { place, stored } = this.#options;
    const { type, mesh, name } = parseKeyString(text);
    if (type === serviceRecordType) {
      const [of = "", service = ""] = [name.slice(0, name.indexOf(":")), name.slice(name.indexOf(":") + 1)];
      if (isServiceType(of)) this.queue.add(idOf(requireResourceKind(of), this.#keyOfName(kindOf(of)!, service)));
      return;
    }
    const kind = kindOf(type);
    const home = kind && homeOf(kind, place);
    if (home === undefined || stored[home]!.get(type, mesh, name) !== undefined) return;
    this.queue.add(`${gone}${text}`);
  }

  #keyOfName(kind: Kind, name: string): ObjectKey {
    const { systemNamespace } = this.#options.place;
    if (!kind.namespaced || isSecretType(kind.type)) return objectKey(kind, { name }, systemNamespace);
    const dot = name.lastIndexOf(".");
    return dot < 0 ? { namespace: systemNamespace, name } : { namespace: name.slice(dot + 1), name: name.slice(0, dot) };
  }

  async #reconcile(id: string): Promise<void> {
    if (id.startsWith(gone)) return this.#deleteObjectOf(parseKeyString(id.slice(gone.length)));
    const { cache, place } = this.#options;
    const { kind, key } = parseId(id);
    const present = cache.object(kind, key);
    const wanted = this.#wanted.get(id);
    if (wanted !== undefined) return this.#write(kind, wanted, present);
    if (present === undefined || present.metadata.deletionTimestamp !== undefined) return;
    if (isCopy(present, place)) return this.#delete(kind, present);
    if (isServiceType(present.kind)) await this.#writeStatus(kind, present);
  }

  async #write(kind: ObjectKind, shown: Resource, present: KubernetesObject | undefined): Promise<void> {
    const { api, cache, place, stored, onRefused, onWritten } = this.#options;
    const wanted = isServiceType(shown.type) ? withStatus(shown, serviceRecordOf(stored.zone, shown, shown.name)) : shown;
    const of = kindOf(wanted.type)!;
    const isOwn = place.mode !== "zone" && homeOf(of, place) === "config" && wanted.labels?.[label.origin] !== "zone";
    const key = objectKey(of, wanted, place.systemNamespace);
    if (isOwn && resourceName(of, key) !== wanted.name) return this.#rename(of, wanted, resourceName(of, key), key);
    if (present !== undefined && (isOwn || says(present, wanted))) return;
    const owner = isOwn && of.scope === "mesh" ? this.#meshReference(wanted.mesh) : undefined;
    // Without its mesh's object it would stay when the mesh goes: that one comes first, and brings this one up again.
    if (isOwn && of.scope === "mesh" && owner === undefined) throw new Error(`Mesh ${wanted.mesh} has no object yet`);
    const object = objectOf(wanted, place.systemNamespace)!;
    const written = { ...object, metadata: { ...object.metadata, ...(owner && { ownerReferences: [owner] }) } };
    try {
      const answer = present === undefined ? await api.create(kind, written) : await api.apply(kind, written, `${fieldManager}-mirror`);
      cache.observe(kind, answer);
      onWritten?.({ type: of.type, result: "applied" });
    } catch (error) {
      if (error instanceof KubernetesError && (error.code === 400 || error.code === 422)) return onRefused(error.message, wanted);
      throw error;
    }
  }

  /** What the control plane made under a name of its own gets that of the object that is to carry it. */
  async #rename(kind: Kind, wanted: Resource, name: string, { namespace, name: displayName }: ObjectKey): Promise<void> {
    const { config } = this.#options;
    const labels = { ...wanted.labels, [label.displayName]: displayName, [label.kubernetesNamespace]: namespace! };
    const content = kind.plugin && !kind.hasStatus ? { spec: wanted.spec } : (wanted.spec as object);
    const document = { type: wanted.type, ...(kind.scope === "mesh" && { mesh: wanted.mesh }), name, labels, ...content };
    await config!.change([document], [{ type: wanted.type, mesh: wanted.mesh, name: wanted.name }]);
  }

  #meshReference(mesh: string) {
    const object = this.#options.cache.object(meshKind, { name: mesh });
    const uid = object?.metadata.uid;
    return uid === undefined ? undefined : { apiVersion: object!.apiVersion, kind: "Mesh", name: mesh, uid };
  }

  async #deleteObjectOf(key: ResourceKey): Promise<void> {
    const { cache, stored, place, isDeleting } = this.#options;
    const kind = kindOf(key.type)!;
    if (isDeleting(keyString(key)) || stored[homeOf(kind, place)!]!.get(key.type, key.mesh, key.name) !== undefined) return;
    const objectKind = objectKindOf(kind);
    const present = cache.object(objectKind, this.#keyOfName(kind, key.name));
    const carried = present && carriedResource(present, place);
    if (carried === undefined || carried.mesh !== key.mesh || carried.type !== key.type) return;
    await this.#delete(objectKind, present!);
  }

  async #delete(kind: ObjectKind, present: KubernetesObject): Promise<void> {
    const { api, onWritten } = this.#options;
    try {
      await api.delete(kind, present.metadata, { uid: present.metadata.uid });
      onWritten?.({ type: present.kind, result: "deleted" });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** What the zone gave a service and found out of it. */
  async #writeStatus(kind: ObjectKind, present: KubernetesObject): Promise<void> {
    const { api, cache, stored, onWritten } = this.#options;
    const document = documentOf(present)!;
    const record = serviceRecordOf(stored.zone, document, document.name);
    if (record === undefined) return;
    const shown = withStatus({ ...document, spec: { spec: present.spec } } as unknown as Resource, record).spec as WithStatus<Observed>;
    const { state, identities } = shown.spec;
    const observed = document.type === "MeshService" ? { state, identities } : {};
    const operations = [
      ...Object.entries(observed).flatMap(([field, value]) => {
        if (value === undefined || isDeepStrictEqual((present.spec as Record<string, unknown>)[field], value)) return [];
        return [{ op: "add" as const, path: `/spec/${field}`, value }];
      }),
      ...(isDeepStrictEqual(present.status, JSON.parse(JSON.stringify(shown.status)))
        ? []
        : [{ op: "add" as const, path: "/status", value: shown.status }]),
    ];
    if (operations.length === 0) return;
    try {
      cache.observe(kind, await api.patch(kind, present.metadata, operations));
      onWritten?.({ type: document.type, result: "status" });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

interface Observed {
  readonly state?: string;
  readonly identities?: unknown;
}

/** Marks keys of resources that are gone. */
const gone = "gone ";

const idOf = (kind: ObjectKind, key: ObjectKey): string => `${kindId(kind)}|${keyText(key)}`;

const kindsById = new Map(kinds.filter(({ internal }) => !internal).map((kind) => [kindId(objectKindOf(kind)), objectKindOf(kind)]));

function parseId(id: string): { kind: ObjectKind; key: ObjectKey } {
  const bar = id.indexOf("|");
  const text = id.slice(bar + 1);
  const slash = text.indexOf("/");
  const key = slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
  return { kind: kindsById.get(id.slice(0, bar))!, key };
}

/** Does an object say what a resource does, in whatever words? */
function says(present: KubernetesObject, wanted: Resource): boolean {
  const document = documentOf(present);
  if (document === undefined || document.type !== wanted.type || document.mesh !== wanted.mesh) return false;
  const parsed = parseDocument(document.body, { kind: document.kind });
  if (!parsed.ok) return false;
  const labels = { ...wanted.labels, ...(wanted.mesh !== "" && { [label.mesh]: wanted.mesh }) };
  const own = { [label.displayName]: document.labels[label.displayName], ...labels };
  return (
    isDeepStrictEqual(document.labels, own) && isDeepStrictEqual(plain(parsed.resource.spec), plain(readBack(document.kind, wanted.spec)))
  );
}

/** The spec as its kind reads it from a document, defaults and all. */
function readBack(kind: Kind, spec: unknown): unknown {
  const parsed = kind.parseSpec(spec);
  return "spec" in parsed ? parsed.spec : spec;
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
