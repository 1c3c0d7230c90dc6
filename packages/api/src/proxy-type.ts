import type { DataplaneSpec } from "@atoll/resource";

/** Value of label `kuma.io/proxy-type`, or undefined for kinds that are no proxy. */
export function proxyTypeOf(type: string, spec: unknown): string | undefined {
  if (type === "Dataplane") return (spec as DataplaneSpec).networking?.gateway === undefined ? "sidecar" : "gateway";
  if (type === "ZoneIngress" || type === "ZoneEgress") return type.toLowerCase();
  return undefined;
}
