import type { TransparentProxyConfig } from "../config.ts";

/** What rules need to know besides what is asked for: how the machine is. */
export interface RuleInput {
  readonly config: TransparentProxyConfig;
  readonly family: 4 | 6;
  /** Of the user whose traffic is the proxy's. */
  readonly uid: string;
  /** Name of the loopback interface. */
  readonly loopback: string;
  /** Of the family, that programs of the machine ask; none: nothing is redirected to the proxy's DNS unless all is. */
  readonly dnsServers: readonly string[];
  readonly can: MachineAbilities;
}

/** What the machine's iptables is able to do. */
export interface MachineAbilities {
  /** Rules can say what they are for. */
  readonly comments: boolean;
  /** DNS packets of the proxy and of its applications can be tracked apart. */
  readonly conntrackZones: boolean;
  /** There is a mangle table, in which packets can be dropped. */
  readonly mangle: boolean;
  /** Docker answers DNS by a chain of its own. */
  readonly dockerDns: boolean;
}

export const chainPrefix = "KUMA_MESH";
export const commentPrefix = "kuma/mesh/transparent/proxy";

export const chains = {
  inbound: `${chainPrefix}_INBOUND`,
  outbound: `${chainPrefix}_OUTBOUND`,
  inboundRedirect: `${chainPrefix}_INBOUND_REDIRECT`,
  outboundRedirect: `${chainPrefix}_OUTBOUND_REDIRECT`,
} as const;

export const dnsPort = 53;

/** Addresses with a meaning in rules, by family: the machine's own, and what the proxy calls its application from. */
export const localAddresses = {
  4: { localhost: "127.0.0.1/32", passthrough: "127.0.0.6/32" },
  6: { localhost: "::1/128", passthrough: "::6/128" },
} as const;

/** Which questions reach the proxy's DNS: all, those to these servers, or none. */
export function capturedDns({ config, dnsServers }: RuleInput): { all: boolean; servers: readonly string[] } | undefined {
  const { enabled, captureAll } = config.redirect.dns;
  if (!enabled && !captureAll) return undefined;
  if (captureAll) return { all: true, servers: [] };
  return dnsServers.length > 0 ? { all: false, servers: dnsServers } : undefined;
}

/** Whether DNS packets of the proxy and of applications are kept apart. */
export const splitsZones = (input: RuleInput): boolean => {
  const { skipConntrackZoneSplit, captureAll } = input.config.redirect.dns;
  const { conntrackZones, dockerDns } = input.can;
  return capturedDns(input) !== undefined && !skipConntrackZoneSplit && conntrackZones && !(dockerDns && captureAll);
};
