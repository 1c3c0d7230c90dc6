import { equalValue, Fact, FactGraph, Family, Origin } from "@atoll/facts";
import { defaultRules } from "@atoll/policy";
import type { MeshSpec, Resource, ResourceKey } from "@atoll/resource";
import type { ViewInputs, ViewOptions } from "./inputs.ts";
import { MeshContext } from "./mesh-context.ts";
import { InventoryFacts } from "./state/inventory-facts.ts";
import { resolvedProxy } from "./state/resolved-proxy.ts";
import { StateTables } from "./state/state-tables.ts";
import { ZoneProxies } from "./state/zone-proxies.ts";
import { ZoneContext } from "./zone-context.ts";

/**
 * The shared facts of all meshes of one zone, each made when first asked for, from what the readers say then. Whoever owns the readers tells
 * what changed in them, after it changed and before building again; whoever builds views inside of a `Watcher` of the graph is told whether
 * that concerns him. Facts that come out equal keep their identity.
 */
export class MeshContexts {
  readonly inputs: ViewInputs;
  readonly options: ViewOptions;
  readonly graph = new FactGraph();
  readonly config: StateTables;
  readonly zoneResources: StateTables;
  readonly zone: ZoneContext;
  readonly #proxies: ZoneProxies;
  readonly #inventory: InventoryFacts;
  readonly #names: Fact<string[]>;
  readonly #exists: Family<boolean>;
  readonly #meshes = new Map<string, MeshContext>();
  readonly #hosts = new Map<string, Origin>();

  constructor(inputs: ViewInputs, options: ViewOptions = {}) {
    const { graph } = this;
    this.inputs = inputs;
    this.options = options;
    this.config = new StateTables(graph, inputs.config);
    this.zoneResources = new StateTables(graph, inputs.zoneResources);
    this.#inventory = new InventoryFacts(graph, inputs.inventory);
    const hostAddress = (host: string): string | undefined => this.#hostAddress(host);
    this.#proxies = new ZoneProxies(graph, inputs.zoneResources, this.zoneResources);
    const { config } = this;
    this.zone = new ZoneContext({ graph, inputs, options, config, proxies: this.#proxies, inventory: this.#inventory, hostAddress });
    this.#names = new Fact(graph, () => config.list<MeshSpec>("Mesh").map(({ name }) => name), equalValue);
    this.#exists = new Family(graph, (name) => config.get("Mesh", "", name) !== undefined);
  }

  /** Names of all meshes, sorted. */
  names(): readonly string[] {
    return this.#names.get();
  }

  mesh(name: string): MeshContext | undefined {
    if (!this.#exists.get(name)) return undefined;
    let context = this.#meshes.get(name);
    if (context === undefined) {
      context = new MeshContext(name, this, this.options.rules ?? defaultRules);
      this.#meshes.set(name, context);
    }
    return context;
  }

  /** All meshes, sorted by name. */
  all(): MeshContext[] {
    return this.names().flatMap((name) => this.mesh(name) ?? []);
  }

  /** A proxy's own resource with addresses that Envoy can bind; what it brought itself comes before what is stored. */
  own<Spec>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    const stored = this.zoneResources.get<Spec>(type, mesh, name);
    const own = this.inputs.brought?.<Spec>(type, mesh, name) ?? stored;
    // Where nobody resolves names, proxies stay as they are written.
    return own && this.options.addresses ? resolvedProxy(own, (host) => this.#hostAddress(host)) : own;
  }

  /** These resources of the configuration are others now, are new, or are gone. */
  configChanged(keys: Iterable<ResourceKey>): void {
    for (const key of keys) this.config.changed(key);
  }

  /** The same of the zone's own resources, and of what proxies brought. */
  zoneChanged(keys: Iterable<ResourceKey>): void {
    for (const key of keys) {
      this.zoneResources.changed(key);
      this.#proxies.changed(key);
    }
  }

  /** Another zone offers or asks for something else: the entries of these keys changed; null = any of them. */
  entriesChanged(zone: string, keys: Iterable<string> | null): void {
    this.#inventory.entriesChanged(zone, keys);
  }

  /** Zones came or went, are reached in other ways, or are alive or dead now. */
  zonesChanged(): void {
    this.#inventory.zonesChanged();
  }

  /** A host name stands for another address. */
  addressChanged(host: string): void {
    this.#hosts.get(host)?.changed();
  }

  /** Host names whose addresses somebody needs. */
  hosts(): Iterable<string> {
    return this.#hosts.keys();
  }

  #hostAddress(host: string): string | undefined {
    let origin = this.#hosts.get(host);
    if (origin === undefined) {
      origin = new Origin(this.graph, () => this.#hosts.delete(host));
      this.#hosts.set(host, origin);
    }
    origin.read();
    return this.options.addresses?.get(host) ?? (host === "localhost" ? "127.0.0.1" : undefined);
  }
}
