import { isIP } from "node:net";
import type { Tags } from "@atoll/policy";
import { clusterIpOf, headless, tag, type DataplaneSpec, type Resource } from "@atoll/resource";

/** Where a service is called in a Kubernetes cluster that knows nothing of the mesh: its Service's address and port, or one instance's. */
export interface ClusterAddress {
  readonly address: string;
  readonly port: number;
  readonly tags: Tags;
}

/** The addresses that a pod's Dataplane stands behind. */
export function clusterAddressesOf({ labels, spec }: Pick<Resource<DataplaneSpec>, "labels" | "spec">): ClusterAddress[] {
  return (spec.networking.inbound ?? []).flatMap(({ state, tags, address }): ClusterAddress[] => {
    const name = tags["k8s.kuma.io/service-name"];
    const port = Number(tags["k8s.kuma.io/service-port"]);
    const service = tags[tag.service];
    const clusterIp = name === undefined ? undefined : clusterIpOf(labels, name);
    if (clusterIp === undefined || service === undefined || !(port > 0) || state === "Ignored") return [];
    if (clusterIp !== headless) return isIP(clusterIp) === 0 ? [] : [{ address: clusterIp, port, tags: { [tag.service]: service } }];
    const instance = tags[tag.instance] ?? "";
    return [{ address: address ?? spec.networking.address, port, tags: { [tag.service]: service, [tag.instance]: instance } }];
  });
}

/** The addresses in use in a mesh of a zone, each once, however many instances are behind it. */
export class ClusterAddresses {
  readonly #counted = new Map<string, { readonly address: ClusterAddress; count: number }>();
  #sorted: readonly ClusterAddress[] | undefined;

  /** By address and port. The array stays the same until one comes or goes. */
  all(): readonly ClusterAddress[] {
    this.#sorted ??= [...this.#counted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { address }]) => address);
    return this.#sorted;
  }

  /** What a Dataplane stands behind, in place of what it stood behind before. Whether an address came or went. */
  replace(before: readonly ClusterAddress[], now: readonly ClusterAddress[]): boolean {
    let changed = false;
    for (const address of now) if (this.#count(address, 1)) changed = true;
    for (const address of before) if (this.#count(address, -1)) changed = true;
    return changed;
  }

  #count(address: ClusterAddress, by: 1 | -1): boolean {
    const text = `${address.address} ${address.port} ${address.tags[tag.service]} ${address.tags[tag.instance] ?? ""}`;
    const known = this.#counted.get(text);
    if (known) known.count += by;
    else this.#counted.set(text, { address, count: by });
    if (known && known.count > 0) return false;
    if (known) this.#counted.delete(text);
    this.#sorted = undefined;
    return true;
  }
}
