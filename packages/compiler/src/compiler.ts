import type { Inventory } from "@atoll/inventory";
import type { WatchedReader } from "@atoll/replica";
import { parseKeyString, type FleetAnswer, type ResourceDraft, type ResourceKey } from "@atoll/resource";
import {
  buildProxyView,
  explainProxyView,
  type MeshContexts,
  reuseEqual,
  type ProxyExplanation,
  type ProxyRef,
  type ProxyView,
  type ViewInputs,
  type ViewOptions,
} from "@atoll/view";
import type { Snapshot, SnapshotCache } from "@atoll/xds";
import { ArrivingProxies } from "./arriving-proxies.ts";
import { BuildTurns } from "./build-turns.ts";
import { computedConfig, type ComputedConfig } from "./computed-config.ts";
import { previewChange } from "./preview/preview-change.ts";
import { HostAddresses, type HostAddressesOptions } from "./host-addresses.ts";
import type { SecretMaterials } from "./secret-materials.ts";
import { reuseTypes } from "./reuse-types.ts";
import { stillRefused, withRefusals } from "./refusals.ts";
import { addResource, endpointType, isPlain, ViewEncoder, type EncodedView } from "./view-encoder.ts";
import { sentRecord, type SentRecord } from "./sent-record.ts";
import { isComplete, sameItems, WatchedProxy, type MadeSnapshot } from "./watched-proxy.ts";
import { WithheldParts, type WithheldPart } from "./withheld-parts.ts";
import { withoutDangling } from "./without-dangling.ts";
import { Worlds, type TrialConfiguration } from "./worlds.ts";
import { askersOf, withoutFailedSecrets } from "./without-failed-secrets.ts";

export interface CompilerOptions {
  zone: string;
  config: WatchedReader & { readonly revision: number };
  zoneResources: WatchedReader;
  /** What some of the proxies have instead, looked for whenever the configuration changes. Absent: nobody does, ever. */
  trial?: () => TrialConfiguration | undefined;
  inventory: Inventory;
  materials: SecretMaterials;
  cache: SnapshotCache;
  /** What views are built with, besides key types of certificates and addresses of hosts. */
  viewOptions?: ViewOptions;
  /** How host names in addresses become IP addresses. */
  hosts?: Pick<HostAddressesOptions, "resolve" | "refreshMs">;
  /** A proxy can't be built; it keeps its last good snapshot. */
  onError: (error: unknown, nodeId: string) => void;
  /** What of a proxy is withheld from its Envoy is another than before; [] = nothing any more. */
  onWithheld?: (nodeId: string, withheld: readonly WithheldPart[]) => void;
  /** Called with what one round did, for metrics and the trace of a change. */
  onRound?: (round: CompileRound) => void;
  /** Milliseconds of a monotonic clock. Default: the process's. */
  clock?: () => number;
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

/** The configuration as it was at a revision. */
export type FormerConfiguration = ViewInputs["config"] & { readonly revision: number };

/**
 * Keeps the snapshot of every connected proxy equal to what configuration, zone and inventory say. Each proxy watches the facts that its
 * snapshot is made from, so a change wakes those that it reaches; parts of a view that come out as before keep their identity, their
 * message and their bytes.
 */
export class Compiler {
  readonly #options: CompilerOptions;
  readonly #worlds: Worlds;
  readonly #hosts: HostAddresses;
  readonly #arriving: ArrivingProxies;
  readonly #encoder = new ViewEncoder();
  readonly #withheld: WithheldParts;
  readonly #proxies = new Map<string, WatchedProxy>();
  readonly #unwatch: (() => void)[];
  readonly #suspects = new Set<string>();
  readonly #turns: BuildTurns;
  #scheduled = false;
  readonly #settling: (() => void)[] = [];

  constructor(options: CompilerOptions) {
    this.#options = options;
    const { config, inventory, materials, zone, zoneResources } = options;
    this.#arriving = new ArrivingProxies(zoneResources);
    this.#hosts = new HostAddresses({
      ...options.hosts,
      inUse: () => this.#worlds.all.flatMap(({ contexts }) => [...contexts.hosts()]),
      onChange: (host) => this.#tell((contexts) => contexts.addressChanged(host)),
    });
    this.#worlds = new Worlds(
      { zone, config, zoneResources, inventory, brought: (type, mesh, name) => this.#arriving.get(type, mesh, name) },
      {
        certificateKeyType: (mesh, secret) => materials.certificateKeyType(mesh, secret),
        addresses: { get: (host) => this.#hosts.get(host) },
        ...options.viewOptions,
      },
      options.trial,
    );
    this.#withheld = new WithheldParts((nodeId, withheld) => options.onWithheld?.(nodeId, withheld));
    this.#turns = new BuildTurns({
      build: (nodeId) => this.#build(nodeId),
      onDone: (spent) => this.#done(spent),
      clock: options.clock ?? (() => performance.now()),
    });
    materials.readThrough(this.#worlds.main.contexts.config);
    this.#unwatch = [
      config.watch(({ keys }) => this.#configChanged(keys.map(parseKeyString))),
      zoneResources.watch(({ keys }) => {
        const changed = keys.map(parseKeyString);
        this.#tell((contexts) => contexts.zoneChanged(changed));
      }),
      inventory.watch(({ zone: other, meshes, keys }) =>
        this.#tell((contexts) => {
          contexts.entriesChanged(other, keys);
          if (meshes === null) contexts.zonesChanged();
        }),
      ),
    ];
  }

  /**
   * Builds the proxy's first snapshot, now or as soon as its certificate is there, and keeps it up to date from then on. `brought` is its
   * resource where that may not be stored yet; it is known to this proxy alone until `arrived`.
   */
  connect(nodeId: string, ref: ProxyRef, brought?: ResourceDraft): void {
    this.#proxies.get(nodeId)?.close();
    this.#turns.forget(nodeId);
    const proxy = this.#watch(nodeId, ref);
    if (brought) this.#bring(proxy, brought);
    this.#tell();
  }

  /** What the proxy brought is stored now. */
  arrived(nodeId: string): void {
    const proxy = this.#proxies.get(nodeId);
    if (proxy?.brought !== undefined) this.#bring(proxy, undefined);
  }

  disconnect(nodeId: string): void {
    const proxy = this.#proxies.get(nodeId);
    if (proxy?.brought) this.#bring(proxy, undefined);
    proxy?.close();
    this.#proxies.delete(nodeId);
    this.#turns.forget(nodeId);
    this.#withheld.set(nodeId, []);
    this.#options.materials.release(nodeId);
    this.#options.cache.clear(nodeId);
  }

  /** Something outside of the readers changed for one proxy, such as its certificate. */
  rebuild(nodeId: string): void {
    this.#proxies.get(nodeId)?.materialChanged();
    this.#tell();
  }

  /** The proxy's Envoy refuses some of the elements of a resource, in these words: it is built without them until they change. */
  refused(nodeId: string, typeUrl: string, name: string, elements: ReadonlyMap<string, string>): void {
    const proxy = this.#proxies.get(nodeId);
    if (proxy === undefined) return;
    proxy.refusals = withRefusals(proxy.refusals, typeUrl, name, elements);
    this.#suspects.add(nodeId);
    this.#tell();
  }

  /** What of the proxy is withheld from its Envoy, and which resources that comes from. */
  withheld(nodeId: string): readonly WithheldPart[] {
    return this.#withheld.of(nodeId);
  }

  /** The same for all of them, such as their CA. */
  rebuildAll(): void {
    this.#worlds.materialsChanged();
    this.#tell();
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch();
    this.#turns.close();
    for (const resolve of this.#settling.splice(0)) resolve();
    this.#hosts.close();
    for (const proxy of this.#proxies.values()) proxy.close();
    this.#proxies.clear();
  }

  /** How often any shared fact, view or set of secrets was made, since the beginning. */
  get factsMade(): number {
    return this.#worlds.made;
  }

  /** How many proxies wait to be built. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /** Whether everything that is known has been built. */
  get idle(): boolean {
    return !this.#scheduled && !this.#turns.isUnderWay;
  }

  /** Resolves when everything that is known now has been built. */
  settled(): Promise<void> {
    if (this.idle) return Promise.resolve();
    return new Promise((resolve) => this.#settling.push(resolve));
  }

  /** Debug view: the intent of one proxy as it is now. */
  view(nodeId: string): ProxyView | undefined {
    const proxy = this.#proxies.get(nodeId);
    return proxy && buildProxyView(proxy.world.contexts, proxy.ref);
  }

  /** Which listeners and clusters of the proxy ask for a secret. */
  askersOf(nodeId: string, secret: string): string[] {
    const view = this.view(nodeId);
    return view === undefined ? [] : askersOf(view, secret);
  }

  /**
   * What makes the proxy's intent what it is, at which revision, and how far its Envoy is; undefined if it is not connected here. With `then`
   * as that configuration has it.
   */
  explain(nodeId: string, then?: FormerConfiguration): (ProxyExplanation & { revision: number; acknowledged: number }) | undefined {
    const proxy = this.#proxies.get(nodeId);
    const explanation = proxy && explainProxyView(stateOf(proxy, then), proxy.ref);
    const { cache, config } = this.#options;
    return explanation && { revision: then?.revision ?? config.revision, acknowledged: cache.ackedRevision(nodeId), ...explanation };
  }

  /**
   * How the connected proxies would change if the configuration went from one state to another, which differs in `changed`. Nothing is
   * changed by asking. What the zone itself says counts as it is now. `takes` says which proxies are looked at; default: all.
   */
  preview(
    from: ViewInputs["config"],
    to: ViewInputs["config"],
    changed: readonly ResourceKey[],
    takes: (nodeId: string) => boolean = () => true,
  ): Promise<Omit<FleetAnswer, "revision">> {
    const { inputs, options } = this.#worlds.main.contexts;
    const proxies = [...this.#proxies]
      .filter(([nodeId]) => takes(nodeId))
      .map(([, { ref, refusals, made }]) => ({ ref, refusals, failedSecrets: made?.failed ?? [] }));
    return previewChange({ inputs: { ...inputs, config: from }, viewOptions: options, proxies, to, changed });
  }

  /** What the proxy's Envoy is told as things are now, by itself; undefined if it is not connected here. */
  computed(nodeId: string, options: { shadow: boolean }, then?: FormerConfiguration): ComputedConfig | undefined {
    const proxy = this.#proxies.get(nodeId);
    return proxy && computedConfig(stateOf(proxy, then), proxy.ref, options);
  }

  /** What every proxy has, by hash, and what it was made from that is in no log. */
  sent(): SentRecord {
    const { cache, materials, zone } = this.#options;
    return sentRecord({ zone, cache, materials, contexts: this.#worlds.main.contexts, proxies: this.#proxies });
  }

  #watch(nodeId: string, ref: ProxyRef): WatchedProxy {
    const { materials } = this.#options;
    const onSuspect = () => this.#suspects.add(nodeId);
    const proxy = new WatchedProxy(nodeId, ref, { world: this.#worlds.of(nodeId), materials, onSuspect });
    this.#proxies.set(nodeId, proxy);
    this.#suspects.add(nodeId);
    return proxy;
  }

  #configChanged(keys: readonly ResourceKey[]): void {
    if (this.#worlds.configChanged(keys)) {
      for (const [nodeId, proxy] of this.#proxies) {
        if (proxy.world === this.#worlds.of(nodeId)) continue;
        proxy.close();
        // What comes out equal there is not sent again.
        this.#watch(nodeId, proxy.ref).takeOver(proxy);
      }
    }
    this.#tell();
  }

  #bring(proxy: WatchedProxy, draft: ResourceDraft | undefined): void {
    const changed = draft ?? proxy.brought;
    if (changed === undefined) return;
    if (draft) this.#arriving.add(draft);
    else this.#arriving.remove(changed);
    proxy.brought = draft;
    this.#tell((contexts) => contexts.zoneChanged([changed]));
  }

  /** One round for all that happens in one turn of the event loop. */
  #tell(change?: (contexts: MeshContexts) => void): void {
    if (change) this.#worlds.each(change);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#round();
    });
  }

  /** Begins with those who are reached; all others are at the new revision. */
  #round(): void {
    const { cache, config } = this.#options;
    for (const nodeId of this.#suspects) {
      const proxy = this.#proxies.get(nodeId);
      if (proxy === undefined) continue;
      cache.hold(nodeId);
      // Gateways and zone proxies are few, and each serves many.
      this.#turns.add(nodeId, proxy.made?.view.kind !== "sidecar");
    }
    this.#suspects.clear();
    cache.advance(config.revision);
    this.#turns.work();
  }

  #done(spent: Omit<CompileRound, "revision" | "proxies">): void {
    this.#worlds.collect();
    this.#options.onRound?.({ ...spent, revision: this.#options.config.revision, proxies: this.#proxies.size });
    if (this.idle) for (const resolve of this.#settling.splice(0)) resolve();
  }

  /** Whether the proxy got another snapshot. While it cannot be built it stays held, at no newer revision. */
  #build(nodeId: string): boolean | undefined {
    const { cache, config } = this.#options;
    const { revision } = config;
    const proxy = this.#proxies.get(nodeId);
    if (proxy === undefined) return undefined;
    try {
      const parts = proxy.parts();
      if (parts === undefined || !isComplete(parts, proxy.ref.mesh)) return false;
      const { made } = proxy;
      const view = made?.parts.intent === parts.intent ? made.view : reuseEqual(made?.view, parts.intent.view);
      const { resources: secrets, failed } = parts.secrets;
      const { refusals } = proxy;
      const asBefore =
        made?.view === view && made.refusals === refusals && sameItems(secrets, made.secrets) && sameItems(failed, made.failed);
      const next: MadeSnapshot = { parts, view, secrets, failed, refusals, withheld: made?.withheld ?? [] };
      proxy.made = { ...next, ...(made?.encoded && { encoded: made.encoded }) };
      if (asBefore && sameItems(parts.endpoints, made.parts.endpoints)) {
        cache.release(nodeId);
        return false;
      }
      const before = cache.get(nodeId)?.resources;
      const { encoded, resources, withheld } =
        asBefore && before ? this.#withEndpoints(before, proxy.made) : this.#whole(next, before && made, before);
      const snapshot: Snapshot = { revision, resources: reuseTypes(before, resources) };
      cache.set(nodeId, snapshot);
      // What was refused and is not in the view any more need not be remembered.
      proxy.refusals = stillRefused(refusals, withheld);
      proxy.made = { ...next, encoded, refusals: proxy.refusals, withheld };
      this.#withheld.set(nodeId, withheld, { contexts: proxy.world.contexts, ref: proxy.ref });
      return true;
    } catch (error) {
      proxy.made = undefined;
      this.#options.onError(error, nodeId);
      return false;
    }
  }

  /** `former`: what the snapshot with the resources `before` was made from. */
  #whole({ view, parts, secrets, failed, refusals }: MadeSnapshot, former?: MadeSnapshot, before?: Snapshot["resources"]): EncodedSnapshot {
    const known = former?.encoded && before && { ...former, view: former.encoded, resources: before };
    const endpoints = known && sameItems(known.view.endpoints, parts.endpoints) ? known.view.endpoints : [...parts.endpoints];
    const encoded = withoutFailedSecrets({ ...view, endpoints }, failed);
    const { resources, withheld }: EncodedView = this.#encoder.encode(encoded, refusals, known);
    for (const secret of secrets) addResource(resources, secret);
    // What the view says is there is there, unless something was taken out of it.
    const dangling = isPlain(encoded, withheld) ? [] : withoutDangling(resources);
    return { encoded, resources, withheld: [...withheld, ...dangling] };
  }

  /** Endpoints alone are others: everything else stays, to the byte, unless a template changes it. */
  #withEndpoints(before: Snapshot["resources"], made: MadeSnapshot): EncodedSnapshot {
    if (made.view.template !== undefined) return this.#whole(made);
    const encoded = { ...(made.encoded ?? made.view), endpoints: [...made.parts.endpoints] };
    const endpoints = this.#encoder.encodeEndpoints(made.parts.endpoints, made.refusals);
    const others = made.withheld.filter(({ typeUrl }) => typeUrl !== endpointType);
    return { encoded, resources: new Map(before).set(endpointType, endpoints.resources), withheld: [...others, ...endpoints.withheld] };
  }
}

interface EncodedSnapshot {
  encoded: ProxyView;
  resources: Snapshot["resources"];
  withheld: MadeSnapshot["withheld"];
}

/** What a proxy is made from, or would be made from with another configuration and what the zone says now. */
function stateOf({ world }: WatchedProxy, then: FormerConfiguration | undefined): Pick<MeshContexts, "inputs" | "options"> {
  const { inputs, options } = world.contexts;
  return { inputs: then ? { ...inputs, config: then } : inputs, options };
}
