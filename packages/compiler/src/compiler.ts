import type { Inventory } from "@atoll/inventory";
import type { ChangeEvent, ResourceReader } from "@atoll/replica";
import { type DataplaneInsightSpec, isOffline, type ResourceDraft, type ResourceKey } from "@atoll/resource";
import {
  buildProxyView,
  explainProxyView,
  meshDependencies,
  MeshContexts,
  reuseEqual,
  type ProxyExplanation,
  type ProxyRef,
  type ProxyView,
  type ViewOptions,
} from "@atoll/view";
import { consistent, type EncodedResource, type Snapshot, type SnapshotCache } from "@atoll/xds";
import { affectedBy, affectedByInventory, everyProxy, isUnaffected, touches, unaffected, unite, type Affected } from "./affected.ts";
import { ArrivingProxies } from "./arriving-proxies.ts";
import { HostAddresses, type HostAddressesOptions } from "./host-addresses.ts";
import { ResolvedProxies } from "./resolved-proxies.ts";
import type { SecretMaterials } from "./secret-materials.ts";
import { addResource, ViewEncoder, type EncodedResources } from "./view-encoder.ts";
import { askersOf, withoutFailedSecrets } from "./without-failed-secrets.ts";

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
  /** What views are built with, besides key types of certificates and addresses of hosts. */
  viewOptions?: ViewOptions;
  /** How host names in addresses become IP addresses. */
  hosts?: Pick<HostAddressesOptions, "resolve" | "refreshMs">;
  /** A proxy can't be built; it keeps its last good snapshot. */
  onError: (error: unknown, nodeId: string) => void;
  /** Called with what one round did, for metrics and the trace of a change. */
  onRound?: (round: CompileRound) => void;
}

/** From a change until all that it affects is built; changes that come meanwhile are part of it. */
export interface CompileRound {
  /** Of the configuration that everything is built from at its end. */
  revision: number;
  proxies: number;
  built: number;
  changed: number;
  /** Spent on building, without the pauses. */
  durationMs: number;
}

/** How long proxies are built without letting anything else happen. */
const turnMs = 10;

interface CompiledProxy {
  ref: ProxyRef;
  /** What it brought that is not stored yet. */
  brought?: ResourceDraft | undefined;
  /** Meshes its view was made from; null = all. */
  meshes: ReadonlySet<string> | null;
  /** What its snapshot was made from. */
  made: { view: ProxyView; secrets: readonly EncodedResource[]; failed: readonly string[] } | undefined;
  /** Its snapshot is not what it should be: it could not be built, or waits for a certificate. It is at no newer revision. */
  behind: boolean;
}

/**
 * Keeps the snapshot of every connected proxy equal to what configuration, zone and inventory say. A change wakes the proxies
 * whose meshes it touches; parts of a view that come out as before keep their identity, their message and their bytes.
 */
export class Compiler {
  readonly #options: CompilerOptions;
  readonly #contexts: MeshContexts;
  readonly #hosts: HostAddresses;
  readonly #arriving: ArrivingProxies;
  readonly #encoder = new ViewEncoder();
  readonly #proxies = new Map<string, CompiledProxy>();
  readonly #offline = new Set<string>();
  readonly #unwatch: (() => void)[];
  #affected: Affected = unaffected;
  #single = new Set<string>();
  #all = false;
  readonly #due = { others: new Set<string>(), sidecars: new Set<string>() };
  #tally: CompileRound | undefined;
  #next: NodeJS.Immediate | undefined;
  #revision = 0;
  #scheduled = false;
  readonly #settling: (() => void)[] = [];

  constructor(options: CompilerOptions) {
    this.#options = options;
    const { config, inventory, zone } = options;
    this.#arriving = new ArrivingProxies(options.zoneResources);
    const resolved = new ResolvedProxies(this.#arriving, (host) => this.#hosts.get(host));
    const advertised = () => inventory.zones().flatMap((other) => inventory.ingresses(other).map((one) => one.advertisedAddress));
    this.#hosts = new HostAddresses({
      ...options.hosts,
      inUse: () => [...resolved.hosts(this.#arriving.resources), ...advertised()],
      onChange: () => this.refresh(),
    });
    this.#contexts = new MeshContexts(
      { zone, config, zoneResources: resolved, inventory },
      {
        certificateKeyType: (mesh, secret) => options.materials.certificateKeyType(mesh, secret),
        addresses: { get: (host) => this.#hosts.get(host) },
        ...options.viewOptions,
      },
    );
    this.#unwatch = [
      config.watch(({ keys }) => this.#invalidate(affectedBy(keys, () => false))),
      options.zoneResources.watch(({ keys }) => this.#invalidate(affectedBy(keys, (key) => this.#onlineChanged(key)))),
      inventory.watch(({ meshes }) => this.#invalidate(affectedByInventory(meshes))),
    ];
  }

  /**
   * Builds the proxy's first snapshot, now or as soon as its certificate is there, and keeps it up to date from then on. `brought` is its
   * resource where that may not be stored yet; it is known to this proxy alone until `arrived`.
   */
  connect(nodeId: string, ref: ProxyRef, brought?: ResourceDraft): void {
    this.#proxies.set(nodeId, { ref, brought, meshes: null, made: undefined, behind: true });
    if (brought) this.#arriving.add(brought);
    this.rebuild(nodeId);
  }

  /** What the proxy brought is stored now. */
  arrived(nodeId: string): void {
    const proxy = this.#proxies.get(nodeId);
    if (proxy?.brought === undefined) return;
    this.#arriving.remove(proxy.brought);
    proxy.brought = undefined;
    this.rebuild(nodeId);
  }

  disconnect(nodeId: string): void {
    const brought = this.#proxies.get(nodeId)?.brought;
    if (brought) this.#arriving.remove(brought);
    this.#proxies.delete(nodeId);
    this.#options.materials.release(nodeId);
    this.#options.cache.clear(nodeId);
  }

  /** Something outside of the readers changed for one proxy, such as its certificate. */
  rebuild(nodeId: string): void {
    this.#single.add(nodeId);
    this.#schedule();
  }

  /** The same for all of them, such as their CA. */
  rebuildAll(): void {
    this.#all = true;
    this.#schedule();
  }

  /** What every view is made from may be another: liveness of zones, or what names resolve to. */
  refresh(): void {
    this.#invalidate(everyProxy);
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch();
    clearImmediate(this.#next);
    for (const resolve of this.#settling.splice(0)) resolve();
    this.#hosts.close();
    this.#proxies.clear();
  }

  /** How many proxies wait to be built. */
  get waiting(): number {
    return this.#due.others.size + this.#due.sidecars.size;
  }

  /** Whether everything that is known has been built. */
  get idle(): boolean {
    return !this.#scheduled && this.#tally === undefined;
  }

  /** Resolves when everything that is known now has been built. */
  settled(): Promise<void> {
    if (this.idle) return Promise.resolve();
    return new Promise((resolve) => this.#settling.push(resolve));
  }

  /** Debug view: the intent of one proxy as it is now. */
  view(nodeId: string): ProxyView | undefined {
    const proxy = this.#proxies.get(nodeId);
    return proxy && buildProxyView(this.#contexts, proxy.ref);
  }

  /** Which listeners and clusters of the proxy ask for a secret. */
  askersOf(nodeId: string, secret: string): string[] {
    const view = this.view(nodeId);
    return view === undefined ? [] : askersOf(view, secret);
  }

  /** What makes the proxy's intent what it is now, at which revision, and how far its Envoy is; undefined if it is not connected here. */
  explain(nodeId: string): (ProxyExplanation & { revision: number; acknowledged: number }) | undefined {
    const proxy = this.#proxies.get(nodeId);
    const explanation = proxy && explainProxyView(this.#contexts, proxy.ref);
    const { cache, config } = this.#options;
    return explanation && { revision: config.revision, acknowledged: cache.ackedRevision(nodeId), ...explanation };
  }

  #onlineChanged({ type, mesh, name }: ResourceKey): boolean {
    const id = `${type}/${mesh}/${name}`;
    const offline = isOffline(this.#options.zoneResources.get<DataplaneInsightSpec>(type, mesh, name)?.spec);
    if (this.#offline.has(id) === offline) return false;
    if (offline) this.#offline.add(id);
    else this.#offline.delete(id);
    return true;
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

  /** Finds out who has to be built, and begins. */
  #round(): void {
    const [affected, single, all] = [this.#affected, this.#single, this.#all];
    this.#affected = unaffected;
    this.#single = new Set();
    this.#all = false;
    if (!isUnaffected(affected)) this.#contexts.invalidate(affected.everywhere.size > 0 ? null : affected.meshes.keys());
    const { revision } = this.#options.config;
    // A certificate that was issued concerns one proxy of perhaps a thousand.
    const concerned = !all && isUnaffected(affected) && revision === this.#revision ? single : this.#proxies.keys();
    for (const nodeId of concerned) {
      const proxy = this.#proxies.get(nodeId);
      if (proxy === undefined) continue;
      // Gateways and zone proxies are few, and each serves many.
      const due = proxy.made?.view.kind === "sidecar" ? this.#due.sidecars : this.#due.others;
      if (all || single.has(nodeId) || mayChange(proxy, affected)) due.add(nodeId);
      else if (!proxy.behind && !due.has(nodeId)) this.#advance(nodeId, revision);
    }
    this.#revision = revision;
    this.#tally ??= { revision, proxies: 0, built: 0, changed: 0, durationMs: 0 };
    this.#work();
  }

  /** Builds for as long as one turn may take, and goes on after others had theirs: pushes, acknowledgements, new changes. */
  #work(): void {
    const tally = this.#tally;
    if (tally === undefined) return;
    const began = performance.now();
    const { revision } = this.#options.config;
    for (const due of [this.#due.others, this.#due.sidecars]) {
      for (const nodeId of due) {
        if (performance.now() - began > turnMs) break;
        due.delete(nodeId);
        const proxy = this.#proxies.get(nodeId);
        if (proxy === undefined) continue;
        tally.built++;
        if (this.#build(nodeId, proxy, revision)) tally.changed++;
      }
    }
    tally.durationMs += performance.now() - began;
    if (this.waiting > 0) {
      this.#next ??= setImmediate(() => {
        this.#next = undefined;
        this.#work();
      });
      return;
    }
    this.#tally = undefined;
    this.#options.onRound?.({ ...tally, revision, proxies: this.#proxies.size });
    if (this.idle) for (const resolve of this.#settling.splice(0)) resolve();
  }

  /** A change that does not touch a proxy is applied by it at once. */
  #advance(nodeId: string, revision: number): void {
    const snapshot = this.#options.cache.get(nodeId);
    if (snapshot !== undefined && snapshot.revision < revision)
      this.#options.cache.set(nodeId, { revision, resources: snapshot.resources });
  }

  /** Whether the proxy got another snapshot. */
  #build(nodeId: string, proxy: CompiledProxy, revision: number): boolean {
    try {
      const next = this.#intent(nodeId, proxy);
      proxy.behind = next === undefined;
      if (next === undefined) return false;
      const { made } = proxy;
      if (made?.view === next.view && sameItems(next.secrets, made.secrets) && sameItems(next.failed, made.failed)) {
        this.#advance(nodeId, revision);
        return false;
      }
      const resources = this.#encoder.encode(withoutFailedSecrets(next.view, next.failed));
      for (const secret of next.secrets) addResource(resources, secret);
      const snapshot: Snapshot = { revision, resources: reuseTypes(this.#options.cache.get(nodeId)?.resources, resources) };
      const verdict = consistent(snapshot);
      if (!verdict.ok) throw new Error(`snapshot of ${nodeId} is not consistent: ${verdict.reason}`);
      this.#options.cache.set(nodeId, snapshot);
      proxy.made = next;
      return true;
    } catch (error) {
      proxy.behind = true;
      this.#options.onError(error, nodeId);
      return false;
    }
  }

  /** Undefined while the proxy's resource, or a secret without which it is better left as it is, is missing. */
  #intent(nodeId: string, { ref, made }: CompiledProxy): CompiledProxy["made"] {
    const built = buildProxyView(this.#contexts, ref);
    this.#proxies.get(nodeId)!.meshes = meshDependencies(this.#contexts, ref);
    if (built === undefined) return undefined;
    const view = reuseEqual(made?.view, built);
    const { resources, pending, failed } = this.#options.materials.resolve(nodeId, view.secrets);
    // Envoy would hold its listeners back until the certificate comes; better to give it all at once.
    if (pending.length > 0) return undefined;
    const ownIdentity = view.secrets.some(
      ({ name, source }) => source.type === "identity" && source.mesh === ref.mesh && failed.includes(name),
    );
    return ownIdentity ? undefined : { view, secrets: resources, failed };
  }
}

/** Of a proxy that has no view yet nothing is known. */
const mayChange = ({ made, meshes }: CompiledProxy, affected: Affected): boolean =>
  made === undefined ? !isUnaffected(affected) : touches(affected, made.view.kind, meshes);

function sameItems<Item>(one: readonly Item[], other: readonly Item[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

/** Types whose resources are all as before keep their map, by which the session sees that there is nothing to compare. */
function reuseTypes(before: Snapshot["resources"] | undefined, now: EncodedResources): Snapshot["resources"] {
  const reused = new Map<string, ReadonlyMap<string, EncodedResource>>(now);
  for (const [typeUrl, resources] of now) {
    const former = before?.get(typeUrl);
    if (former?.size !== resources.size) continue;
    if ([...resources].every(([name, one]) => former.get(name) === one)) reused.set(typeUrl, former);
  }
  return reused;
}
