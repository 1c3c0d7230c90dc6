import { isIP } from "node:net";
import type { Resource } from "@atoll/resource";

interface Addressed {
  networking: { address: string; advertisedAddress?: string };
}

const resolvedBefore = new WeakMap<Resource, Resource<Addressed>>();

/**
 * A Dataplane, ZoneIngress or ZoneEgress with IP addresses in place of host names, because Envoy binds and dials only those; undefined
 * while a name is not resolved.
 */
export function resolvedProxy<Spec>(proxy: Resource<Spec>, addressOf: (host: string) => string | undefined): Resource<Spec> | undefined {
  const { networking, ...rest } = proxy.spec as Addressed;
  // Other zones resolve what an ingress advertises.
  const advertises = networking.advertisedAddress !== undefined && networking.advertisedAddress !== "" && proxy.type === "Dataplane";
  const named = networking.address !== "" && !isIP(networking.address);
  if (!named && !(advertises && !isIP(networking.advertisedAddress!))) return proxy;
  const address = named ? addressOf(networking.address) : networking.address;
  const advertisedAddress = advertises ? addressOf(networking.advertisedAddress!) : undefined;
  if (address === undefined || (advertises && advertisedAddress === undefined)) return undefined;
  const before = resolvedBefore.get(proxy)?.spec.networking;
  if (before === undefined || before.address !== address || (advertises && before.advertisedAddress !== advertisedAddress)) {
    const spec = { ...rest, networking: { ...networking, address, ...(advertises && { advertisedAddress: advertisedAddress! }) } };
    resolvedBefore.set(proxy, { ...proxy, spec });
  }
  return resolvedBefore.get(proxy) as Resource<Spec>;
}
