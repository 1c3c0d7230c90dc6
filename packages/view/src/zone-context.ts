import { isIP } from "node:net";
import type { Tags } from "@atoll/policy";
import type { Resource, ZoneEgressSpec, ZoneSpec } from "@atoll/resource";
import { isGone } from "./gone.ts";
import type { InventoryView, Reader, ViewInputs, ViewOptions } from "./inputs.ts";

export interface Address {
  address: string;
  port: number;
}

export type RemoteEntry = ReturnType<InventoryView["entries"]>[number];

export interface RemoteZone {
  zone: string;
  /** Each advertised address once, however many ingresses stand behind it; one that cannot be dialled if there is none. */
  ingresses: Address[];
  /** True if it is enabled, live and has an ingress. */
  reachable: boolean;
  /** What it has, ready or not. */
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
  for (const entry of [...inventory.zones()].sort().flatMap((zone) => inventory.entries(zone))) {
    if (exists(entry)) continue;
    const { mesh, tags } = entry;
    const known = byMesh.get(mesh);
    if (known) known.push(tags);
    else byMesh.set(mesh, [tags]);
  }
  return byMesh;
}

/** An entry of somebody who is there, ready or not; the others are what outbounds ask for. */
const exists = ({ instances, unready }: RemoteEntry): boolean => instances > 0 || unready === true;

/** Without the egresses that are gone, if another is left. */
function withoutReplaceable<Spec>(zoneResources: Reader, egresses: readonly Resource<Spec>[]): readonly Resource<Spec>[] {
  const left = egresses.filter((one) => !isGone(zoneResources, one));
  return left.length > 0 ? left : egresses;
}

/** What all meshes of a zone share: its egresses, and the zones it can reach. */
export class ZoneContext {
  readonly zone: string;
  readonly egresses: readonly Address[];
  /** All that the inventory knows; sorted by name. */
  readonly remoteZones: readonly RemoteZone[];
  /** Tag sets that outbounds ask for by more than the service, in every zone; by mesh. */
  readonly askedFor: ReadonlyMap<string, readonly Tags[]>;
  readonly #addresses: ViewOptions["addresses"];

  constructor(inputs: ViewInputs, options: ViewOptions) {
    this.zone = inputs.zone;
    this.#addresses = options.addresses;
    const egresses = withoutReplaceable(inputs.zoneResources, inputs.zoneResources.list<ZoneEgressSpec>("ZoneEgress"));
    this.egresses = distinct(egresses.flatMap(({ spec }) => this.dial(spec.networking.address, spec.networking.port)));
    this.remoteZones = [...inputs.inventory.zones()].sort().flatMap((zone): RemoteZone[] => {
      if (zone === inputs.zone) return [];
      const live = options.liveZones?.has(zone) ?? true;
      const enabled = inputs.config.get<ZoneSpec>("Zone", "", zone)?.spec.enabled !== false;
      const ingresses = distinct(
        inputs.inventory.ingresses(zone).flatMap((ingress) => this.dial(ingress.advertisedAddress, ingress.advertisedPort)),
      );
      const entries = inputs.inventory.entries(zone).filter(exists);
      const known = ingresses.length > 0 ? ingresses : [{ address: "", port: 0 }];
      return [{ zone, ingresses: known, reachable: live && enabled && ingresses.length > 0, entries }];
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
