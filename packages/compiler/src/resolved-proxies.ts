import { isIP } from "node:net";
import type { ResourceReader } from "@atoll/replica";
import type { Resource } from "@atoll/resource";

interface Addressed {
  networking: { address: string; advertisedAddress?: string };
}

const addressedTypes = new Set(["Dataplane", "ZoneIngress", "ZoneEgress"]);

/**
 * The zone's resources with IP addresses in place of host names, because Envoy binds and dials only those. A proxy whose name cannot
 * be resolved (yet) is not built; in lists it is as it was written, since what it is does not depend on where.
 */
export class ResolvedProxies implements ResourceReader {
  readonly #inner: ResourceReader;
  readonly #addressOf: (host: string) => string | undefined;
  readonly #resolved = new WeakMap<Resource, Resource<Addressed>>();

  constructor(inner: ResourceReader, addressOf: (host: string) => string | undefined) {
    this.#inner = inner;
    this.#addressOf = addressOf;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    const found = this.#inner.get<Spec>(type, mesh, name);
    return found && addressedTypes.has(type) ? this.#resolve(found) : found;
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    const all = this.#inner.list<Spec>(type, mesh);
    if (!addressedTypes.has(type) || all.every((one) => hostsOf(one).length === 0)) return all;
    return all.map((one) => this.#resolve(one) ?? one);
  }

  /** Every host name in the addresses of this zone's proxies, and of others. */
  hosts(others: readonly Resource[] = []): string[] {
    return [...[...addressedTypes].flatMap((type) => this.#inner.list(type)), ...others].flatMap(hostsOf);
  }

  #resolve<Spec>(resource: Resource<Spec>): Resource<Spec> | undefined {
    if (hostsOf(resource).length === 0) return resource;
    const { networking, ...rest } = resource.spec as Addressed;
    const address = this.#addressOf(networking.address);
    const advertisedAddress = networking.advertisedAddress && this.#addressOf(networking.advertisedAddress);
    // Other zones resolve what an ingress advertises.
    const advertises = networking.advertisedAddress !== undefined && resource.type === "Dataplane";
    if (address === undefined || (advertises && advertisedAddress === undefined)) return undefined;
    const before = this.#resolved.get(resource)?.spec.networking;
    if (before === undefined || before.address !== address || (advertises && before.advertisedAddress !== advertisedAddress)) {
      const spec = { ...rest, networking: { ...networking, address, ...(advertises && { advertisedAddress: advertisedAddress! }) } };
      this.#resolved.set(resource, { ...resource, spec });
    }
    return this.#resolved.get(resource) as Resource<Spec>;
  }
}

function hostsOf({ type, spec }: Resource): string[] {
  const { address, advertisedAddress } = (spec as Addressed).networking;
  return [address, type === "Dataplane" ? advertisedAddress : undefined].filter(
    (host) => host !== undefined && host !== "" && !isIP(host),
  ) as string[];
}
