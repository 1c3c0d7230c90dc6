/** One part of a rule: a flag in its short or its long form, with what follows it. Source: iptables(8), iptables-extensions(8). */
export type Parameter = (verbose: boolean) => string[];

const flag =
  (short: string, long: string) =>
  (...values: string[]): Parameter =>
  (verbose) => [verbose ? long : short, ...values];

export const not =
  (parameter: Parameter): Parameter =>
  (verbose) => ["!", ...parameter(verbose)];

const together =
  (...parameters: Parameter[]): Parameter =>
  (verbose) =>
    parameters.flatMap((parameter) => parameter(verbose));

export const toPorts = (ports: string | number): Parameter => flag("--dport", "--destination-port")(String(ports));
export const fromPort = (port: number): Parameter => flag("--sport", "--source-port")(String(port));
export const source = flag("-s", "--source");
export const destination = flag("-d", "--destination");
export const inInterface = flag("-i", "--in-interface");
export const outInterface = flag("-o", "--out-interface");
const protocol = flag("-p", "--protocol");
export const match = flag("-m", "--match");
const jump = flag("-j", "--jump");

export const tcp = (...ports: Parameter[]): Parameter => together(protocol("tcp"), ...ports);
export const udp = (...ports: Parameter[]): Parameter => together(protocol("udp"), ...ports);
export const ownedBy = (uids: string): Parameter => match("owner", "--uid-owner", uids);
export const notOwnedBy = (uids: string): Parameter => match("owner", "!", "--uid-owner", uids);
export const comment = (text: string): Parameter => match("comment", "--comment", JSON.stringify(text.slice(0, longestComment)));
export const invalidState = match("conntrack", "--ctstate", "INVALID");

/** iptables takes 256 bytes with the end of the text. */
const longestComment = 254;

export const toChain = (name: string): Parameter => jump(name);
export const pass = jump("RETURN");
export const drop = jump("DROP");
export const redirectTo = (port: number): Parameter => jump("REDIRECT", "--to-ports", String(port));
export const inZone = (zone: 1 | 2): Parameter => jump("CT", "--zone", String(zone));
export const log = (chain: string, level: number): Parameter => jump("LOG", "--log-prefix", `${chain}:`, "--log-level", String(level));
