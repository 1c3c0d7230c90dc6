import type { TagMap } from "./common.ts";

/** Type of the records in a zone's log that say which names its transparently proxied workloads have, and where these lead. */
export const virtualIpType = "VirtualIp";

/**
 * One name of one mesh, in one zone. Its address was allocated once and stays. Services only write and read it; it is never on REST.
 * The record is called by what the name is made from: `service:<kuma.io/service>`, `host:<host of an ExternalService>`,
 * `fqdn:<host of a VirtualOutbound or of a cross-mesh listener>`.
 */
export interface VirtualIpSpec {
  address: string;
  /** DNS names that resolve to the address. */
  domains: string[];
  /** Where each port of the address leads, by port. None: nobody offers the name at present, and its address is kept for it. */
  outbounds: VirtualIpOutbound[];
}

export interface VirtualIpOutbound {
  port: number;
  tags: TagMap;
  /** `service`, or the kind and name of the resource that asks for it: `virtual-outbound:<name>`, `external-service:<name>`, ... */
  origin: string;
}
