import { isIPv6 } from "node:net";
import { canonicalHost } from "./host-port.ts";

const prefix = "cluster-ip.k8s.atoll.io/";
/** Of a Service without an address of its own: its instances are called at theirs. */
export const headless = "None";

/**
 * The label by which a pod's Dataplane says at which address a Service of its is called in its cluster, so that the zone's transparently proxied
 * workloads can call it there. A label's value has no colon.
 */
export const clusterIpLabel = (service: string, address: string): Record<string, string> => ({
  [prefix + service]: isIPv6(address) ? groups(address).join("-") : address,
});

/** The address of a Service, "None" for a headless one; undefined if the labels do not say it. */
export function clusterIpOf(labels: Readonly<Record<string, string>> | undefined, service: string): string | undefined {
  const value = labels?.[prefix + service];
  return value?.includes("-") ? canonicalHost(value.replaceAll("-", ":")) : value;
}

/** All eight groups of an address. */
function groups(address: string): string[] {
  const [head = "", tail] = address.split("::");
  const [before, after] = [head, tail ?? ""].map((part) => part.split(":").filter((group) => group !== ""));
  const missing = tail === undefined ? 0 : 8 - before!.length - after!.length;
  return [...before!, ...Array.from({ length: missing }, () => "0"), ...after!];
}
