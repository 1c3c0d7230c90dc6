import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { RuntimeSchema } from "@atoll/envoy-api/envoy/service/runtime/v3/rtds_pb.js";
import type { Inventory } from "@atoll/inventory";
import type { ChangeEvent, ResourceReader } from "@atoll/replica";
import { createTranslator, type EnvoyResources } from "@atoll/translate";
import { buildProxyView, meshDependencies, MeshContexts, reuseEqual, type ProxyRef, type ProxyView, type ViewOptions } from "@atoll/view";
import { consistent, encodeResource, type EncodedResource, type Snapshot, type SnapshotCache } from "@atoll/xds";
import { affectedMeshes, unite, type Affected } from "./affected.ts";
import { isOffline, OnlineProxies } from "./online-proxies.ts";
import type { SecretMaterials } from "./secret-materials.ts";

export interface WatchedReader extends ResourceReader {
  watch(listener: (event: ChangeEvent) => void): () => void;
}

export interface CompilerOptions {
  zone: string;
  config: WatchedReader & { readonly revision: number };
  zoneResources: WatchedReader;
  inventory: Inventory;
  materials: SecretMaterials;
  cache: SnapshotCache;
  viewOptions?: () => ViewOptions;
  /** A proxy can't be built; it keeps its last good snapshot. */
  onError: (error: unknown, nodeId: string) => void;
  /** Called with what one round did, for metrics and the trace of a change. */
  onRound?: (round: CompileRound) => void;
}

export interface CompileRound {
  revision: number;
  proxies: number;
  built: number;
  changed: number;
  durationMs: number;
}

interface CompiledProxy {
  ref: ProxyRef;
  /** Meshes its view was made from; null = all. */
  meshes: ReadonlySet<string> | null;
  /** What its snapshot was made from. */
  made: { view: ProxyView; secrets: readonly EncodedResource[] } | undefined;
}

/**
 * Keeps the snapshot of every connected proxy equal to what configuration, zone and inventory say. A change wakes the proxies
 * whose meshes it touches; parts of a view that come out as before keep their identity, their message and their bytes.
 */
export class Compiler {
  readonly #options: CompilerOptions;
  readonly #contexts: MeshContexts;
  readonly #translate = createTranslator();
  readonly #bytes = new WeakMap<object, EncodedResource>();
  readonly #proxies = new Map<string, CompiledProxy>();
  readonly #offline = new Map<string, boolean>();
  readonly #unwatch: (() => void)[];
  #affected: Affected = "none";
  #single = new Set<string>();
  #scheduled = false;

  constructor(options: CompilerOptions) {
    this.#options = options;
    const zoneResources = new OnlineProxies(options.zoneResources);
    this.#contexts = new MeshContexts(
      { zone: options.zone, config: options.config, zoneResources, inventory: options.inventory },
      options.viewOptions?.() ?? {},
    );
    this.#unwatch = [
      options.config.watch(({ keys }) => this.#invalidate(affectedMeshes(keys, () => false))),
      options.zoneResources.watch(({ keys }) => this.#invalidate(affectedMeshes(keys, (key) => this.#onlineChanged(key)))),
      options.inventory.watch(({ meshes }) => this.#invalidate(meshes === null ? "all" : { meshes })),
    ];
  }

  /** Builds the proxy's first snapshot, now or as soon as its certificate is there, and keeps it up to date from then on. */
  connect(nodeId: string, ref: ProxyRef): void {
    this.#proxies.set(nodeId, { ref, meshes: null, made: undefined });
    this.rebuild(nodeId);
  }

  disconnect(nodeId: string): void {
    this.#proxies.delete(nodeId);
    this.#options.materials.release(nodeId);
    this.#options.cache.clear(nodeId);
  }

  /** Something outside of the readers changed for one proxy, such as its certificate. */
  rebuild(nodeId: string): void {
    this.#single.add(nodeId);
    this.#schedule();
  }

  /** Liveness of zones, or what names resolve to, changed. */
  refresh(): void {
    this.#invalidate("all");
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch();
    this.#proxies.clear();
  }

  /** Debug view: the intent of one proxy as it is now. */
  view(nodeId: string): ProxyView | undefined {
    const proxy = this.#proxies.get(nodeId);
    return proxy && buildProxyView(this.#contexts, proxy.ref);
  }

  #onlineChanged(key: { type: string; mesh: string; name: string }): boolean {
    const id = `${key.type}/${key.mesh}/${key.name}`;
    const offline = isOffline(this.#options.zoneResources.get(key.type, key.mesh, key.name));
    const changed = (this.#offline.get(id) ?? false) !== offline;
    if (offline) this.#offline.set(id, true);
    else this.#offline.delete(id);
    return changed;
  }

  #invalidate(affected: Affected): void {
    this.#affected = unite(this.#affected, affected);
    this.#schedule();
  }

  /** One round for all that happens in one turn of the event loop. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#round();
    });
  }

  #round(): void {
    const began = performance.now();
    const affected = this.#affected;
    const single = this.#single;
    this.#affected = "none";
    this.#single = new Set();
    if (affected !== "none") this.#contexts.invalidate(affected === "all" ? null : affected.meshes, this.#options.viewOptions?.());
    const revision = this.#options.config.revision;
    let built = 0;
    let changed = 0;
    for (const [nodeId, proxy] of this.#proxies) {
      if (single.has(nodeId) || touches(affected, proxy.meshes)) {
        built++;
        if (this.#build(nodeId, proxy, revision)) changed++;
      } else {
        this.#advance(nodeId, revision);
      }
    }
    this.#options.onRound?.({ revision, proxies: this.#proxies.size, built, changed, durationMs: performance.now() - began });
  }

  /** A change that does not touch a proxy is applied by it at once. */
  #advance(nodeId: string, revision: number): void {
    const snapshot = this.#options.cache.get(nodeId);
    if (snapshot !== undefined && snapshot.revision < revision)
      this.#options.cache.set(nodeId, { revision, resources: snapshot.resources });
  }

  #build(nodeId: string, proxy: CompiledProxy, revision: number): boolean {
    try {
      const built = buildProxyView(this.#contexts, proxy.ref);
      proxy.meshes = meshDependencies(this.#contexts, proxy.ref);
      if (built === undefined) return false;
      const { made } = proxy;
      const view = reuseEqual(made?.view, built);
      const secrets = this.#options.materials.resolve(nodeId, view.secrets);
      // Envoy would hold its listeners back until the certificate comes; better to give it all at once.
      if (secrets.pending.length > 0) return false;
      if (made !== undefined && view === made.view && sameItems(secrets.resources, made.secrets)) {
        this.#advance(nodeId, revision);
        return false;
      }
      const resources = this.#encode(this.#translate(view));
      for (const secret of secrets.resources) put(resources, secret);
      const snapshot: Snapshot = { revision, resources };
      const verdict = consistent(snapshot);
      if (!verdict.ok) throw new Error(`snapshot of ${nodeId} is not consistent: ${verdict.reason}`);
      this.#options.cache.set(nodeId, snapshot);
      proxy.made = { view, secrets: secrets.resources };
      return true;
    } catch (error) {
      this.#options.onError(error, nodeId);
      return false;
    }
  }

  #encode(resources: EnvoyResources): Map<string, Map<string, EncodedResource>> {
    const encoded = new Map<string, Map<string, EncodedResource>>();
    const once = (message: object, make: () => EncodedResource) => {
      let known = this.#bytes.get(message);
      if (known === undefined) {
        known = make();
        this.#bytes.set(message, known);
      }
      put(encoded, known);
    };
    for (const one of resources.clusters) once(one, () => encodeResource(ClusterSchema, one.name, one));
    for (const one of resources.endpoints) once(one, () => encodeResource(ClusterLoadAssignmentSchema, one.clusterName, one));
    for (const one of resources.listeners) once(one, () => encodeResource(ListenerSchema, one.name, one));
    for (const one of resources.routes) once(one, () => encodeResource(RouteConfigurationSchema, one.name, one));
    for (const one of resources.runtimes) once(one, () => encodeResource(RuntimeSchema, one.name, one));
    return encoded;
  }
}

function touches(affected: Affected, meshes: ReadonlySet<string> | null): boolean {
  if (affected === "none") return false;
  if (affected === "all" || meshes === null) return true;
  return !affected.meshes.isDisjointFrom(meshes);
}

function sameItems<Item>(one: readonly Item[], other: readonly Item[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

function put(resources: Map<string, Map<string, EncodedResource>>, resource: EncodedResource): void {
  const ofType = resources.get(resource.typeUrl);
  if (ofType === undefined) resources.set(resource.typeUrl, new Map([[resource.name, resource]]));
  else ofType.set(resource.name, resource);
}
