import type { VirtualIpSpec } from "@atoll/resource";
import { callsByName, inboundInterfaces } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import { serviceTag } from "../names.ts";
import type { Tags } from "../proxy-view.ts";

export interface OutboundAddress {
  address: string;
  port: number;
  tags: Tags;
}

const defaultAddress = "127.0.0.1";

/**
 * Where a dataplane reaches others: the outbounds it lists; or, transparently proxied, the virtual IPs of its mesh, of which
 * `reachableServices` may leave some out. A virtual IP that is also an inbound of its own is none: it would catch what is meant for it.
 */
export function outboundAddresses(dataplane: Dataplane, virtualIps: readonly VirtualIpSpec[]): OutboundAddress[] {
  const { outbound = [], transparentProxying } = dataplane.spec.networking;
  if (!callsByName(dataplane)) {
    return outbound.flatMap(({ address = defaultAddress, port, tags }) => (tags?.[serviceTag] ? [{ address, port, tags }] : []));
  }
  const reachable = new Set(transparentProxying?.reachableServices ?? []);
  const own = new Set(
    inboundInterfaces(dataplane).flatMap((one) => [`${one.address}:${one.port}`, `${one.workloadAddress}:${one.workloadPort}`]),
  );
  return virtualIps.flatMap(({ address, outbounds }) =>
    outbounds
      .filter(({ port, tags }) => {
        const service = tags[serviceTag];
        return service !== undefined && (reachable.size === 0 || reachable.has(service)) && !own.has(`${address}:${port}`);
      })
      .map(({ port, tags }) => ({ address, port, tags })),
  );
}
