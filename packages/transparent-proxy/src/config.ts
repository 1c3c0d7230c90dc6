import { isIP } from "node:net";
import { parseGoDuration } from "@atoll/resource";
import { z } from "zod";

/**
 * What is redirected to a proxy and what is not, in the form that kumactl's `--config`, its ConfigMap and the CNI plugin know. Source:
 * kuma.io/docs, "Configure transparent proxying".
 */
export interface TransparentProxyConfig {
  /** Name or id of the user whose traffic is the proxy's own; "" = 5678 or kuma-dp, whichever exists. */
  kumaDPUser: string;
  ipFamilyMode: IpFamilyMode;
  redirect: {
    inbound: TrafficFlow;
    outbound: TrafficFlow;
    dns: {
      enabled: boolean;
      port: number;
      /** All questions, instead of those to the servers of `resolvConfigPath`. */
      captureAll: boolean;
      skipConntrackZoneSplit: boolean;
      resolvConfigPath: string;
    };
    /** Virtual networks whose traffic to the outside is redirected, too: `interface:CIDR`. */
    vnet: { networks: string[] };
  };
  ebpf: {
    enabled: boolean;
    instanceIP: string;
    instanceIPEnvVarName: string;
    bpffsPath: string;
    cgroupPath: string;
    programsSourcePath: string;
    tcAttachIface: string;
  };
  dropInvalidPackets: boolean;
  verbose: boolean;
  dryRun: boolean;
  /** Of the kernel, for packets that meet the rules. */
  log: { enabled: boolean; level: number };
  /** Seconds that iptables waits for its lock; 0 = for ever. */
  wait: number;
  /** Microseconds between its attempts. */
  waitInterval: number;
  retry: { maxRetries: number; sleepBetweenRetries: string };
  storeFirewalld: boolean;
  /** Paths by name ("iptables-restore"). */
  iptablesExecutables: Partial<Record<ExecutableName, string>>;
  comments: { disabled: boolean };
  cniMode: boolean;
}

export interface TrafficFlow {
  enabled: boolean;
  port: number;
  /** If there are any, nothing else is redirected. */
  includePorts: number[];
  excludePorts: number[];
  /** `protocol:ports:uids`; outbound only. */
  excludePortsForUIDs: string[];
  /** Addresses or CIDRs. */
  excludePortsForIPs: string[];
  insertRedirectInsteadOfAppend: boolean;
}

export const ipFamilyModes = ["dualstack", "ipv4"] as const;
export type IpFamilyMode = (typeof ipFamilyModes)[number];

export const executableNames = [
  "iptables",
  "iptables-save",
  "iptables-restore",
  "ip6tables",
  "ip6tables-save",
  "ip6tables-restore",
] as const;
export type ExecutableName = (typeof executableNames)[number];

/** The user that owns the proxy's traffic unless another one is named. */
export const defaultProxyUser = { uid: "5678", name: "kuma-dp" } as const;

const defaultFlow = (port: number): TrafficFlow => ({
  enabled: true,
  port,
  includePorts: [],
  excludePorts: [],
  excludePortsForUIDs: [],
  excludePortsForIPs: [],
  insertRedirectInsteadOfAppend: false,
});

export const defaultConfig = (): TransparentProxyConfig => ({
  kumaDPUser: "",
  ipFamilyMode: "dualstack",
  redirect: {
    inbound: defaultFlow(15_006),
    outbound: defaultFlow(15_001),
    dns: { enabled: false, port: 15_053, captureAll: false, skipConntrackZoneSplit: false, resolvConfigPath: "/etc/resolv.conf" },
    vnet: { networks: [] },
  },
  ebpf: {
    enabled: false,
    instanceIP: "",
    instanceIPEnvVarName: "",
    bpffsPath: "/run/kuma/bpf",
    cgroupPath: "/sys/fs/cgroup",
    programsSourcePath: "/tmp/kuma-ebpf",
    tcAttachIface: "",
  },
  dropInvalidPackets: false,
  verbose: false,
  dryRun: false,
  log: { enabled: false, level: 7 },
  wait: 5,
  waitInterval: 0,
  retry: { maxRetries: 4, sleepBetweenRetries: "2s" },
  storeFirewalld: false,
  iptablesExecutables: {},
  comments: { disabled: false },
  cniMode: false,
});

/** A value that cannot be read; the message names it and the reason. */
export class TransparentProxyError extends Error {
  override readonly name = "TransparentProxyError";
}

/** 1 to 65535. @throws TransparentProxyError */
export function readPort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new TransparentProxyError(`value '${text}' is not a valid port (uint16 in the range [1, 65535])`);
  return port;
}

/** Ports between commas. @throws TransparentProxyError */
export const readPorts = (text: string): number[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(readPort);

/** @throws TransparentProxyError */
export function readIpFamilyMode(text: string): IpFamilyMode {
  if (text === "") return "dualstack";
  const mode = ipFamilyModes.find((known) => known === text.toLowerCase());
  if (mode === undefined) throw new TransparentProxyError("must be one of 'dualstack' or 'ipv4'");
  return mode;
}

const said = <Output>(read: (text: string) => Output) =>
  z.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))]).transform((value, context): Output => {
    try {
      return read(Array.isArray(value) ? value.join(",") : String(value));
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

const whole = z.int().min(0);
const texts = z.array(z.string());
const flow = z
  .object({
    enabled: z.boolean(),
    port: said(readPort),
    includePorts: said(readPorts),
    excludePorts: said(readPorts),
    excludePortsForUIDs: texts,
    excludePortsForIPs: texts,
    insertRedirectInsteadOfAppend: z.boolean(),
  })
  .partial()
  .strict();

const duration = z.string().refine((text) => !("error" in parseGoDuration(text)), "is no duration");

const document = z
  .object({
    kumaDPUser: z.union([z.string(), z.number()]).transform(String),
    ipFamilyMode: said(readIpFamilyMode),
    redirect: z
      .object({
        inbound: flow,
        outbound: flow,
        dns: z
          .object({
            enabled: z.boolean(),
            port: said(readPort),
            captureAll: z.boolean(),
            skipConntrackZoneSplit: z.boolean(),
            resolvConfigPath: z.string(),
          })
          .partial()
          .strict(),
        vnet: z.object({ networks: texts }).partial().strict(),
      })
      .partial()
      .strict(),
    ebpf: z
      .object({
        enabled: z.boolean(),
        instanceIP: z.string(),
        instanceIPEnvVarName: z.string(),
        bpffsPath: z.string(),
        cgroupPath: z.string(),
        programsSourcePath: z.string(),
        tcAttachIface: z.string(),
      })
      .partial()
      .strict(),
    dropInvalidPackets: z.boolean(),
    verbose: z.boolean(),
    dryRun: z.boolean(),
    log: z.object({ enabled: z.boolean(), level: whole }).partial().strict(),
    wait: whole,
    waitInterval: whole,
    retry: z.object({ maxRetries: whole, sleepBetweenRetries: duration }).partial().strict(),
    storeFirewalld: z.boolean(),
    iptablesExecutables: z.partialRecord(z.enum(executableNames), z.string()),
    comments: z.object({ disabled: z.boolean() }).partial().strict(),
    cniMode: z.boolean(),
  })
  .partial()
  .strict();

/** What a document says over what holds already. @throws TransparentProxyError with every field that cannot be read */
export function readConfig(value: unknown, base: TransparentProxyConfig = defaultConfig()): TransparentProxyConfig {
  const parsed = document.safeParse(value ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.length === 0 ? "configuration" : path.join(".")}: ${message}`);
    throw new TransparentProxyError(faults.join("; "));
  }
  return over(base, parsed.data) as TransparentProxyConfig;
}

/** Objects are taken together field by field; everything else is replaced. */
function over(base: unknown, given: unknown): unknown {
  if (given === undefined) return base;
  if (!isObject(base) || !isObject(given)) return given;
  return Object.fromEntries([...new Set([...Object.keys(base), ...Object.keys(given)])].map((key) => [key, over(base[key], given[key])]));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** The document that says the same, without what is off or empty. */
export function configDocument(config: TransparentProxyConfig): Record<string, unknown> {
  const { redirect, ebpf, log, comments, iptablesExecutables, ...rest } = config;
  const { vnet, inbound, outbound, dns } = redirect;
  const { dropInvalidPackets, verbose, dryRun, storeFirewalld, cniMode, ...always } = rest;
  return {
    ...always,
    redirect: { inbound: flowDocument(inbound), outbound: flowDocument(outbound), dns, ...(vnet.networks.length > 0 && { vnet }) },
    ...(ebpf.enabled && { ebpf }),
    ...(log.enabled && { log }),
    ...(comments.disabled && { comments }),
    ...(Object.keys(iptablesExecutables).length > 0 && { iptablesExecutables }),
    ...Object.fromEntries(Object.entries({ dropInvalidPackets, verbose, dryRun, storeFirewalld, cniMode }).filter(([, on]) => on)),
  };
}

const flowDocument = ({ enabled, port, ...rest }: TrafficFlow): object => ({
  enabled,
  port,
  ...Object.fromEntries(Object.entries(rest).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value))),
});

/** Whether a text is an address or a CIDR, and of which family. */
export function familyOf(address: string): 4 | 6 | undefined {
  const [ip = "", bits, ...more] = address.trim().split("/");
  const family = isIP(ip) as 0 | 4 | 6;
  if (family === 0 || more.length > 0) return undefined;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)) ? family : undefined;
}
