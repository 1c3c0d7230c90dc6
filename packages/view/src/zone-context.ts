import { isIP } from "node:net";
import type { Tags } from "@atoll/policy";
import type { ZoneEgressSpec, ZoneSpec } from "@atoll/resource";
import type { InventoryView, ViewInputs, ViewOptions } from "./inputs.ts";

export interface Address {
  address: string;
  port: number;
}

export type RemoteEntry = ReturnType<InventoryView["entries"]>[number];

export interface RemoteZone {
  zone: string;
  /** Each advertised address once, however many ingresses stand behind it. */
  ingresses: Address[];
  entries: readonly RemoteEntry[];
}

const compareAddresses = (a: Address, b: Address): number => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port);

function distinct(addresses: Iterable<Address>): Address[] {
  const byText = new Map<string, Address>();
  for (const { address, port } of addresses) byText.set(`${address}:${port}`, { address, port });
  return [...byText.values()].sort(compareAddresses);
}

function askedFor(inventory: InventoryView): Map<string, Tags[]> {
  const byMesh = new Map<string, Tags[]>();
  for (const { mesh, tags, instances } of [...inventory.zones()].sort().flatMap((zone) => inventory.entries(zone))) {
    if (instances > 0) continue;
    const known = byMesh.get(mesh);
    if (known) known.push(tags);
    else byMesh.set(mesh, [tags]);
  }
  return byMesh;
}

/** What all meshes of a zone share: its egresses, and the zones it can reach. */
export class ZoneContext {
  readonly zone: string;
  readonly egresses: readonly Address[];
  /** Only zones that are enabled, live and have an ingress; sorted by name. */
  readonly remoteZones: readonly RemoteZone[];
  /** Tag sets that outbounds ask for by more than the service, in every zone; by mesh. */
  readonly askedFor: ReadonlyMap<string, readonly Tags[]>;
  readonly #addresses: ViewOptions["addresses"];

  constructor(inputs: ViewInputs, options: ViewOptions) {
    this.zone = inputs.zone;
    this.#addresses = options.addresses;
    const egresses = inputs.zoneResources.list<ZoneEgressSpec>("ZoneEgress");
    this.egresses = distinct(egresses.flatMap(({ spec }) => this.dial(spec.networking.address, spec.networking.port)));
    this.remoteZones = [...inputs.inventory.zones()].sort().flatMap((zone): RemoteZone[] => {
      if (zone === inputs.zone || (options.liveZones && !options.liveZones.has(zone))) return [];
      if (inputs.config.get<ZoneSpec>("Zone", "", zone)?.spec.enabled === false) return [];
      const ingresses = distinct(
        inputs.inventory.ingresses(zone).flatMap((ingress) => this.dial(ingress.advertisedAddress, ingress.advertisedPort)),
      );
      if (ingresses.length === 0) return [];
      return [{ zone, ingresses, entries: inputs.inventory.entries(zone).filter(({ instances }) => instances > 0) }];
    });
    this.askedFor = askedFor(inputs.inventory);
  }

  /** The address as Envoy can use it in an endpoint, which takes IP addresses only; empty if it cannot be dialled. */
  dial(host: string | undefined, port: number | undefined): Address[] {
    if (!host || !port) return [];
    const address = isIP(host) ? host : (this.#addresses?.get(host) ?? (host === "localhost" ? "127.0.0.1" : undefined));
    return address === undefined ? [] : [{ address, port }];
  }
}
