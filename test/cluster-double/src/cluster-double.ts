import { apiVersion, keyText, kindId, type KubernetesObject, type ObjectKey, type ObjectKind } from "@atoll/kubernetes";
import {
  type KubernetesApi,
  KubernetesError,
  type ListedObjects,
  type PatchOperation,
  type Selection,
  type WatchEvent,
} from "@atoll/kubernetes-client";

interface Stored {
  readonly kind: string;
  readonly event: WatchEvent;
  readonly version: number;
}

/** The few manners of an API server that unit tests need: versions, watches that end, a past that is forgotten, uids and preconditions. */
export class ClusterDouble implements KubernetesApi {
  /** `verb kind namespace/name` of every call that was made. */
  readonly calls: string[] = [];
  /** Answers instead of the server, if it throws. */
  refuse: (call: string) => void = () => {};
  readonly #objects = new Map<string, KubernetesObject>();
  #past: Stored[] = [];
  #forgotten = 0;
  #version = 0;
  #wake = Promise.withResolvers<void>();
  #generation = 0;

  get writes(): string[] {
    return this.calls.filter((call) => !/^(list|watch|get) /.test(call));
  }

  /** Ends every watch, as a server does that restarts. */
  endWatches(): void {
    this.#generation += 1;
    this.#rouse();
  }

  /** Whoever is behind has to begin anew. */
  forgetPast(): void {
    this.#past = [];
    this.#forgotten = this.#version;
  }

  /** What a user does, without a call. */
  put(kind: ObjectKind, object: Omit<KubernetesObject, "apiVersion" | "kind">): KubernetesObject {
    return this.#put(kind, { apiVersion: apiVersion(kind), kind: kind.kind, ...object } as KubernetesObject);
  }

  remove(kind: ObjectKind, key: ObjectKey): void {
    const id = idOf(kind, key);
    const object = this.#objects.get(id);
    if (object === undefined) return;
    this.#objects.delete(id);
    this.#version += 1;
    this.#record(kind, "DELETED", { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } });
  }

  all(kind: ObjectKind): KubernetesObject[] {
    return [...this.#objects].filter(([id]) => id.startsWith(`${kindId(kind)} `)).map(([, object]) => object);
  }

  find(kind: ObjectKind, key: ObjectKey): KubernetesObject | undefined {
    return this.#objects.get(idOf(kind, key));
  }

  async list(kind: ObjectKind, selection: Selection = {}): Promise<ListedObjects> {
    this.#called("list", kind, selection.namespace ?? "");
    return { items: this.all(kind).filter((object) => isIn(object, selection)), resourceVersion: String(this.#version) };
  }

  async *watch(kind: ObjectKind, options: Selection & { resourceVersion: string; signal: AbortSignal }): AsyncGenerator<WatchEvent> {
    this.#called("watch", kind, options.namespace ?? "");
    let from = Number(options.resourceVersion);
    const generation = this.#generation;
    options.signal.addEventListener("abort", () => this.#rouse(), { once: true });
    while (!options.signal.aborted && this.#generation === generation) {
      if (from < this.#forgotten) throw new KubernetesError(410, "Expired", "too old resource version");
      const [upTo, woken] = [this.#version, this.#wake.promise];
      for (const { event, version, kind: of } of [...this.#past]) {
        if (version <= from || of !== kindId(kind) || !isIn(event.object, options)) continue;
        yield event;
      }
      from = upTo;
      await woken;
    }
  }

  async get(kind: ObjectKind, key: ObjectKey): Promise<KubernetesObject> {
    this.#called("get", kind, keyText(key));
    return this.#required(kind, key);
  }

  async create(kind: ObjectKind, object: KubernetesObject): Promise<KubernetesObject> {
    this.#called("create", kind, keyText(object.metadata));
    if (this.find(kind, object.metadata)) throw new KubernetesError(409, "AlreadyExists", `${object.metadata.name} already exists`);
    return this.#put(kind, object);
  }

  async replace(kind: ObjectKind, object: KubernetesObject): Promise<KubernetesObject> {
    this.#called("update", kind, keyText(object.metadata));
    const present = this.#required(kind, object.metadata);
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== present.metadata.resourceVersion) {
      throw new KubernetesError(409, "Conflict", "the object has been modified");
    }
    return this.#put(kind, object);
  }

  async apply(kind: ObjectKind, object: KubernetesObject): Promise<KubernetesObject> {
    this.#called("apply", kind, keyText(object.metadata));
    return this.#put(kind, merged(this.find(kind, object.metadata), object) as KubernetesObject);
  }

  async merge(kind: ObjectKind, key: ObjectKey, patch: object): Promise<KubernetesObject> {
    this.#called("patch", kind, keyText(key));
    return this.#put(kind, merged(this.#required(kind, key), patch) as KubernetesObject);
  }

  async patch(kind: ObjectKind, key: ObjectKey, operations: readonly PatchOperation[]): Promise<KubernetesObject> {
    this.#called("patch", kind, keyText(key));
    const patched = structuredClone(this.#required(kind, key)) as Record<string, unknown>;
    for (const { path, value } of operations) {
      const steps = path.split("/").slice(1);
      let at = patched;
      for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
      at[steps.at(-1)!] = value;
    }
    return this.#put(kind, patched as unknown as KubernetesObject);
  }

  async setStatus(kind: ObjectKind, key: ObjectKey, status: unknown): Promise<KubernetesObject> {
    this.#called("status", kind, keyText(key));
    return this.#put(kind, { ...this.#required(kind, key), status });
  }

  async delete(kind: ObjectKind, key: ObjectKey, { uid }: { uid?: string } = {}): Promise<void> {
    this.#called("delete", kind, keyText(key));
    const present = this.#required(kind, key);
    if (uid !== undefined && uid !== present.metadata.uid) throw new KubernetesError(409, "Conflict", "another uid");
    this.remove(kind, key);
  }

  async served(): Promise<readonly string[]> {
    return [];
  }

  async review(path: string): Promise<KubernetesObject> {
    throw new KubernetesError(404, "NotFound", path);
  }

  #called(verb: string, kind: ObjectKind, name: string): void {
    const call = `${verb} ${kindId(kind)} ${name}`;
    this.calls.push(call);
    this.refuse(call);
  }

  #required(kind: ObjectKind, key: ObjectKey): KubernetesObject {
    const object = this.find(kind, key);
    if (object === undefined) throw new KubernetesError(404, "NotFound", `${keyText(key)} not found`);
    return object;
  }

  #put(kind: ObjectKind, object: KubernetesObject): KubernetesObject {
    const id = idOf(kind, object.metadata);
    const present = this.#objects.get(id);
    const { resourceVersion: _version, ...metadata } = object.metadata;
    const { resourceVersion: presentVersion, ...presentMetadata } = present?.metadata ?? { name: "" };
    const uid = present?.metadata.uid ?? `uid-${this.#version + 1}`;
    const same =
      present &&
      JSON.stringify({ ...present, metadata: presentMetadata }) === JSON.stringify({ ...object, metadata: { ...metadata, uid } });
    if (same && presentVersion) return present;
    this.#version += 1;
    const stored = { ...object, metadata: { ...metadata, uid, resourceVersion: String(this.#version) } };
    this.#objects.set(id, stored);
    this.#record(kind, present ? "MODIFIED" : "ADDED", stored);
    return stored;
  }

  #record(kind: ObjectKind, type: WatchEvent["type"], object: KubernetesObject): void {
    this.#past.push({ kind: kindId(kind), event: { type, object }, version: this.#version });
    this.#rouse();
  }

  #rouse(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

const idOf = (kind: ObjectKind, key: ObjectKey): string => `${kindId(kind)} ${keyText(key)}`;

const isIn = ({ metadata }: KubernetesObject, { namespace, fieldSelector }: Selection): boolean =>
  (namespace === undefined || namespace === metadata.namespace) &&
  (fieldSelector === undefined || fieldSelector === `metadata.name=${metadata.name}` || fieldSelector.startsWith("type"));

function merged(present: unknown, wanted: unknown): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap(wanted) || !isMap(present)) return wanted;
  return { ...present, ...Object.fromEntries(Object.entries(wanted).map(([key, value]) => [key, merged(present[key], value)])) };
}
