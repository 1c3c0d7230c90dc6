import type { Inventory } from "@atoll/inventory";
import {
  allocateAddresses,
  meshNames,
  serviceProtocols,
  type NameConflict,
  type NameInput,
  type NameSettings,
  type PresentRecord,
} from "@atoll/names";
import { type WatchedReader, type ZoneReplica, joinReaders } from "@atoll/replica";
import {
  parseKeyString,
  serviceProtocolType,
  virtualIpType,
  type ExternalServiceSpec,
  type MeshGatewaySpec,
  type Resource,
  type ServiceProtocolSpec,
  type VirtualIpSpec,
  type VirtualOutboundSpec,
} from "@atoll/resource";
import { watchTypes } from "./availability-publisher.ts";
import { Recomputation } from "./recomputation.ts";
import { TagSetsInUse } from "./tag-sets-in-use.ts";

export interface NamePublisherOptions {
  zone: string;
  settings: NameSettings & { cidr: string };
  /** Gives and takes no names while its revision is 0: without the meshes there is nothing to judge by. */
  config: WatchedReader & { readonly revision: number };
  /** Where the records are; nobody else writes them. */
  resources: ZoneReplica;
  inventory: Pick<Inventory, "zones" | "entries" | "entriesByKey" | "watch">;
  signal: AbortSignal;
  onError: (error: unknown) => void;
  /** Told once of each. */
  onConflict: (mesh: string, conflict: NameConflict) => void;
}

const watchedTypes = new Set(["Mesh", "ExternalService", "MeshGateway", "VirtualOutbound"]);
/** Of each mesh. */
const keepUnused = 1_000;

/**
 * Keeps the zone's `VirtualIp` and `ServiceProtocol` records equal to what its resources and the offers of other zones say: computed on
 * change, from the records as they are, so that an address once given stays; only differences are written.
 */
export class NamePublisher {
  readonly #options: NamePublisherOptions;
  readonly #recomputation: Recomputation;
  readonly #tagSets: TagSetsInUse;
  readonly #reported = new Set<string>();
  /** Of each mesh whose records are as they should be: what that was found out from. */
  readonly #unchanged = new Map<string, NameFacts>();

  constructor(options: NamePublisherOptions) {
    const { config, resources, inventory, signal, onError } = options;
    this.#options = options;
    this.#recomputation = new Recomputation(() => this.#publish(), signal, onError);
    const refresh = (): void => this.#recomputation.request();
    const tagSets = new TagSetsInUse(options.zone, resources, inventory);
    this.#tagSets = tagSets;
    const unwatch = [
      ...watchTypes(watchedTypes, [config, resources], refresh),
      resources.watch(({ keys }) => {
        const dataplanes = keys.map(parseKeyString).filter(({ type }) => type === "Dataplane");
        if (dataplanes.filter((key) => tagSets.noteDataplane(key)).length > 0) refresh();
      }),
      inventory.watch((change) => {
        if (tagSets.noteOffers(change)) refresh();
      }),
    ];
    signal.addEventListener("abort", () => unwatch.forEach((stop) => stop()), { once: true });
  }

  get isBehind(): boolean {
    return this.#recomputation.isBehind;
  }

  refresh(): void {
    this.#recomputation.request();
  }

  /** Resolves when the names of everything that is known now are in the log. */
  settled(): Promise<void> {
    return this.#recomputation.settled();
  }

  async #publish(): Promise<void> {
    const { config, resources, signal } = this.#options;
    if (config.revision === 0) return;
    const writes: Promise<unknown>[] = [];
    const meshes = new Set(config.list("Mesh").map(({ name }) => name));
    for (const mesh of meshes) {
      const facts = this.#facts(mesh);
      const before = this.#unchanged.get(mesh);
      if (before && sameFacts(before, facts)) continue;
      const plan = this.#plan(mesh, facts);
      if (plan.delete.size === 0 && plan.put.size === 0) this.#unchanged.set(mesh, facts);
      else this.#unchanged.delete(mesh);
      for (const name of plan.delete) writes.push(resources.delete({ type: virtualIpType, mesh, name }, { signal }));
      for (const [name, spec] of plan.put) writes.push(resources.put<VirtualIpSpec>({ type: virtualIpType, mesh, name, spec }, { signal }));
    }
    for (const mesh of meshes) {
      const protocols = this.#protocols(mesh);
      for (const name of protocols.delete) writes.push(resources.delete({ type: serviceProtocolType, mesh, name }, { signal }));
      for (const [name, spec] of protocols.put) {
        writes.push(resources.put<ServiceProtocolSpec>({ type: serviceProtocolType, mesh, name, spec }, { signal }));
      }
    }
    for (const { type, mesh, name } of [...resources.list(virtualIpType), ...resources.list(serviceProtocolType)]) {
      if (!meshes.has(mesh)) writes.push(resources.delete({ type, mesh, name }, { signal }));
    }
    await Promise.all(writes);
  }

  #facts(mesh: string): NameFacts {
    const { config, resources } = this.#options;
    return {
      tagSets: this.#tagSets.ofMesh(mesh).named(),
      clusterAddresses: this.#tagSets.clusterAddressesOf(mesh).all(),
      externalServices: config.list<ExternalServiceSpec>("ExternalService", mesh),
      virtualOutbounds: config.list<VirtualOutboundSpec>("VirtualOutbound", mesh),
      meshGateways: joinReaders(config, resources).list<MeshGatewaySpec>("MeshGateway"),
      records: resources.list<VirtualIpSpec>(virtualIpType, mesh),
    };
  }

  #plan(mesh: string, { records, ...facts }: NameFacts): ReturnType<typeof allocateAddresses> {
    const { settings } = this.#options;
    const present = new Map<string, PresentRecord>();
    for (const { name, spec, modificationTime } of records) present.set(name, { spec, modificationTime });
    const { names, conflicts, unnamed } = meshNames({
      settings,
      mesh,
      ...facts,
    });
    for (const conflict of conflicts) this.#once([mesh, conflict], () => this.#options.onConflict(mesh, conflict));
    for (const { policy, tags, reason } of unnamed) {
      const said = `VirtualOutbound "${policy}" of mesh "${mesh}" leaves out ${JSON.stringify(tags)}: ${reason}`;
      this.#once([mesh, policy, reason], () => this.#options.onError(new Error(said)));
    }
    const plan = allocateAddresses({ cidr: settings.cidr, wanted: names, present, keepUnused });
    if (plan.without.length > 0) {
      this.#options.onError(new Error(`${settings.cidr} has no address left for names of mesh ${mesh}: ${plan.without.join(", ")}`));
    }
    return plan;
  }

  #protocols(mesh: string): ReturnType<typeof serviceProtocols> {
    const { config, resources } = this.#options;
    const external = config.list<ExternalServiceSpec>("ExternalService", mesh).map(({ spec }) => spec.tags ?? {});
    const records = resources.list<ServiceProtocolSpec>(serviceProtocolType, mesh);
    return serviceProtocols({
      tagSets: [...this.#tagSets.ofMesh(mesh).all(), ...external],
      present: new Map(records.map((record) => [record.name, record])),
      keepUnused,
    });
  }

  #once(what: unknown, tell: () => void): void {
    const key = JSON.stringify(what);
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    tell();
  }
}

interface NameFacts extends Required<Omit<NameInput, "settings" | "mesh">> {
  records: readonly Resource<VirtualIpSpec>[];
}

const sameFacts = (one: NameFacts, other: NameFacts): boolean =>
  (["tagSets", "clusterAddresses", "externalServices", "virtualOutbounds", "meshGateways", "records"] as const).every((fact) =>
    sameItems(one[fact], other[fact]),
  );

const sameItems = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one === other || (one.length === other.length && one.every((item, index) => item === other[index]));
