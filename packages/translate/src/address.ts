import { SocketAddress_Protocol } from "@atoll/envoy-api/envoy/config/core/v3/address_pb.js";
import type { AddressSchema, SocketAddressSchema } from "@atoll/envoy-api/envoy/config/core/v3/address_pb.js";
import type { Init } from "./init.ts";

type Transport = "tcp" | "udp";

const unixPrefix = "unix://";

export function socketAddress(address: string, port: number, transport: Transport = "tcp"): Init<typeof SocketAddressSchema> {
  const protocol = transport === "udp" ? SocketAddress_Protocol.UDP : SocketAddress_Protocol.TCP;
  return { protocol, address, portSpecifier: { case: "portValue", value: port } };
}

/** An IP address or a host name with its port; `unix://<path>` is a Unix domain socket, which has no port. */
export function addressOf(address: string, port: number, transport: Transport = "tcp"): Init<typeof AddressSchema> {
  if (address.startsWith(unixPrefix)) return { address: { case: "pipe", value: { path: address.slice(unixPrefix.length) } } };
  return { address: { case: "socketAddress", value: socketAddress(address, port, transport) } };
}
