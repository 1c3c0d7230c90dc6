import { BlockList, isIP } from "node:net";

const peers = new BlockList();
peers.addAddress("127.0.0.1", "ipv4");
peers.addAddress("::1", "ipv6");
const names = new BlockList();
names.addSubnet("127.0.0.0", 8, "ipv4");
names.addAddress("::1", "ipv6");

/** The address that connections to the loopback come from: 127.0.0.1, also as IPv6 writes it, or ::1. Not the rest of 127.0.0.0/8, as in Kuma. */
export const isLoopbackAddress = (address: string | undefined): boolean => isIn(peers, address);

/**
 * Whether a `Host` header names the loopback by what no DNS server decides: `localhost`, an address of 127.0.0.0/8 as four decimals, or
 * ::1 in brackets; a port may follow. `x.localhost` and `localhost.` are asked of resolvers, so that they may be anybody's.
 */
export function isLoopbackHost(host: string): boolean {
  const [, name, v4, v6] = /^(?:(localhost)|(\d+(?:\.\d+){3})|\[([\da-f:.]+)\])(?::\d{1,5})?$/i.exec(host) ?? [];
  return name !== undefined || isIn(names, v4 ?? v6);
}

function isIn(list: BlockList, address = ""): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
}
