import { familyOf, TransparentProxyError } from "./config.ts";

/** Traffic that passes by the proxy. */
export interface Exclusion {
  readonly protocol?: "tcp" | "udp";
  /** As iptables writes lists and ranges: "80,1000:2000". */
  readonly ports?: string;
  readonly uids?: string;
  readonly address?: string;
}

const uidFault = (reason: string) => new TransparentProxyError(`parsing excluded outbound ports for uids failed: ${reason}`);
const addressFault = (reason: string) =>
  new TransparentProxyError(`parsing excluded ports for IPs failed: invalid exclusion rule: ${reason}`);

const isNumber = (text: string): boolean => /^\d+$/.test(text) && Number(text) <= 65_535;

function checkNumbers(text: string, of: string): void {
  for (const value of text.split(",").filter((part) => part !== "")) {
    const bad = value.split("-").find((part) => !isNumber(part));
    if (bad !== undefined)
      throw uidFault(`invalid ${of} range: validation failed for value or range '${text}': invalid uint16 value: '${bad}'`);
  }
}

/** `<protocol:>?<ports:>?<uids>`: "tcp:22:1000-2000", "80:1002", "1003". @throws TransparentProxyError */
export function readUidExclusion(rule: string): Exclusion[] {
  const parts = rule.split(":");
  if (parts.length > 3) {
    throw uidFault(`invalid format for excluding ports by UIDs: '${rule}'. Expected format: <protocol:>?<ports:>?<uids>`);
  }
  const [uids = "", ports = "*", protocols = "*"] = parts.toReversed();
  if (uids === "*") throw uidFault("wildcard '*' is not allowed for UIDs");
  const everyPort = ports === "*" || ports === "" ? "1-65535" : ports;
  checkNumbers(everyPort, "port");
  if (uids.includes(",")) throw uidFault(`invalid UID entry: '${uids}'. It should either be a single item or a range`);
  if (uids === "") throw uidFault("invalid UID range: it is empty");
  checkNumbers(uids, "UID");
  return readProtocols(protocols).map((protocol) => ({
    protocol,
    ports: everyPort.replaceAll("-", ":"),
    uids: uids.replaceAll("-", ":"),
  }));
}

function readProtocols(text: string): ("tcp" | "udp")[] {
  if (text === "" || text === "*") return ["tcp", "udp"];
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const protocol = part.toLowerCase();
      if (protocol === "tcp" || protocol === "udp") return protocol;
      throw uidFault(`invalid or unsupported protocol: '${part}'`);
    });
}

/** The addresses of one family; each rule may have several between commas. @throws TransparentProxyError */
export function readAddressExclusions(rules: readonly string[], family: 4 | 6): Exclusion[] {
  return rules.flatMap((rule) => {
    if (rule === "") throw addressFault("the rule cannot be empty");
    return rule
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .flatMap((address) => {
        const found = familyOf(address);
        if (found === undefined) {
          throw addressFault(
            `invalid IP address: '${address}'. Expected format: <ip> or <ip>/<cidr> (e.g., 10.0.0.1, 172.16.0.0/16, fe80::1, fe80::/10)`,
          );
        }
        return found === family ? [{ address }] : [];
      });
  });
}

/** The virtual networks of one family, by interface name, sorted. @throws TransparentProxyError */
export function readNetworks(networks: readonly string[], family: 4 | 6): { name: string; cidr: string }[] {
  const byName = new Map<string, string>();
  for (const network of networks) {
    const colon = network.indexOf(":");
    if (colon < 0) throw new TransparentProxyError(`invalid virtual network definition: ${network}`);
    const [name, cidr] = [network.slice(0, colon), network.slice(colon + 1)];
    const found = cidr.includes("/") ? familyOf(cidr) : undefined;
    if (found === undefined) throw new TransparentProxyError(`invalid CIDR definition for ${cidr}: invalid CIDR address: ${cidr}`);
    if (found === family) byName.set(name, cidr);
  }
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, cidr]) => ({ name, cidr }));
}
