import { isIPv6 } from "node:net";

/** `host:port`; IPv6 addresses in brackets (RFC 3986, 3.2.2), as URLs, gRPC and people write them. */
export const hostAndPort = (host: string, port: number | string): string => `${bracketed(host)}:${port}`;

/** As the host of a URL: IPv6 addresses in brackets. */
export const bracketed = (host: string): string => (isIPv6(host) ? `[${host}]` : host);

/** The same text for the same host, however it is written: IPv6 by RFC 5952, names in lower case. Brackets are left out. */
export function canonicalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (!isIPv6(bare)) return bare.toLowerCase();
  const [address = "", zone] = bare.split("%");
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}

/** Who is at the other end of a connection: a socket for both families shows IPv4 addresses within IPv6 (RFC 4291, 2.5.5.2). */
export const peerAddress = (remoteAddress: string | undefined): string | undefined => remoteAddress?.replace(/^::ffff:(?=[\d.]+$)/i, "");

/** Where a machine that is reached at the address reaches itself. */
export const loopbackBeside = (address: string): string => (isIPv6(address) ? "::1" : "127.0.0.1");

/** Where to dial what listens on an address: every address of the machine is one of them. */
export const dialAddress = (listening: string): string =>
  listening === "0.0.0.0" || listening === "::" ? loopbackBeside(listening) : listening;
