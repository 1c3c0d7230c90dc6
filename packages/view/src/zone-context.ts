import { equalValue, Family, Fact, type FactGraph } from "@atoll/facts";
import { isIP } from "node:net";
import type { Tags } from "@atoll/policy";
import type { Resource, ZoneEgressSpec, ZoneSpec } from "@atoll/resource";
import type { ViewInputs, ViewOptions } from "./inputs.ts";
import type { InventoryFacts, RemoteEntry } from "./state/inventory-facts.ts";
import type { StateTables } from "./state/state-tables.ts";
import type { ZoneProxies } from "./state/zone-proxies.ts";

export interface Address {
  address: string;
  port: number;
}

export interface RemoteZone {
  zone: string;
  /** Each advertised address once, however many ingresses stand behind it; one that cannot be dialled if there is none. */
  ingresses: Address[];
  /** True if it is enabled, live and has an ingress. */
  reachable: boolean;
}

const compareAddresses = (a: Address, b: Address): number => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port);

function distinct(addresses: Iterable<Address>): Address[] {
  const byText = new Map<string, Address>();
  for (const { address, port } of addresses) byText.set(`${address}:${port}`, { address, port });
  return [...byText.values()].sort(compareAddresses);
}

export interface ZoneContextParts {
  graph: FactGraph;
  inputs: ViewInputs;
  options: ViewOptions;
  config: StateTables;
  proxies: ZoneProxies;
  inventory: InventoryFacts;
  hostAddress: (host: string) => string | undefined;
}

/** What all meshes of a zone share: its egresses, and the zones it can reach. */
export class ZoneContext {
  readonly zone: string;
  readonly proxies: ZoneProxies;
  readonly #parts: ZoneContextParts;
  readonly #egresses: Fact<readonly Address[]>;
  readonly #remoteZones: Fact<readonly RemoteZone[]>;
  readonly #offering: Fact<readonly RemoteZone[]>;
  readonly #services: Family<readonly string[]>;

  constructor(parts: ZoneContextParts) {
    const { graph, inputs, proxies, inventory } = parts;
    this.zone = inputs.zone;
    this.proxies = proxies;
    this.#parts = parts;
    this.#egresses = new Fact<readonly Address[]>(
      graph,
      () => distinct(this.#usedEgresses().flatMap(({ spec }) => this.dial(spec.networking.address, spec.networking.port))),
      equalValue,
    );
    this.#remoteZones = new Fact<readonly RemoteZone[]>(graph, () => this.#knownZones(), equalValue);
    this.#offering = new Fact<readonly RemoteZone[]>(
      graph,
      () => this.remoteZones.filter(({ zone, reachable }) => reachable && inventory.offersAnything(zone)),
      equalValue,
    );
    this.#services = new Family(graph, (mesh) => {
      const services = new Set(this.remoteZones.flatMap(({ zone }) => inventory.services(zone, mesh)));
      return [...services].sort();
    });
  }

  get egresses(): readonly Address[] {
    return this.#egresses.get();
  }

  /** All that the inventory knows; sorted by name. */
  get remoteZones(): readonly RemoteZone[] {
    return this.#remoteZones.get();
  }

  /** Those of them that can be reached and offer anything at all. */
  get offeringZones(): readonly RemoteZone[] {
    return this.#offering.get();
  }

  /** Services of a mesh that some other zone has, sorted. */
  remoteServices(mesh: string): readonly string[] {
    return this.#services.get(mesh);
  }

  /** What a zone has of a service, ready or not. */
  remoteEntries(zone: string, mesh: string, service: string): readonly RemoteEntry[] {
    return this.#parts.inventory.entries(zone, mesh, service);
  }

  /** Tag sets of a service that outbounds ask for by more than the service, in any zone. */
  askedFor(mesh: string, service: string): Tags[] {
    const { inventory } = this.#parts;
    return inventory.zones().flatMap((zone) => inventory.asked(zone, mesh, service).map(({ tags }) => tags));
  }

  /** The address as Envoy can use it in an endpoint, which takes IP addresses only; empty if it cannot be dialled. */
  dial(host: string | undefined, port: number | undefined): Address[] {
    if (!host || !port) return [];
    const address = isIP(host) ? host : this.#parts.hostAddress(host);
    return address === undefined ? [] : [{ address, port }];
  }

  /** Without those that are gone, if another is left. */
  #usedEgresses(): readonly Resource<ZoneEgressSpec>[] {
    const { proxies } = this.#parts;
    const [all, gone] = [proxies.egresses(), proxies.goneEgresses()];
    const left = all.filter(({ name }) => !gone.has(name));
    return left.length > 0 ? left : all;
  }

  #knownZones(): RemoteZone[] {
    const { inputs, options, config, inventory } = this.#parts;
    return inventory.zones().flatMap((zone): RemoteZone[] => {
      if (zone === inputs.zone) return [];
      const live = options.liveZones?.has(zone) ?? true;
      const enabled = config.get<ZoneSpec>("Zone", "", zone)?.spec.enabled !== false;
      const ingresses = distinct(
        inventory.ingresses(zone).flatMap((ingress) => this.dial(ingress.advertisedAddress, ingress.advertisedPort)),
      );
      const known = ingresses.length > 0 ? ingresses : [{ address: "", port: 0 }];
      return [{ zone, ingresses: known, reachable: live && enabled && ingresses.length > 0 }];
    });
  }
}
