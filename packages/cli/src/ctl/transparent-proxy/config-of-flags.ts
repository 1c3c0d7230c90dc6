import {
  defaultConfig,
  executableNames,
  readConfig,
  readPorts,
  TransparentProxyError,
  type TransparentProxyConfig,
} from "@atoll/transparent-proxy";
import { readYaml } from "@atoll/yaml";
import { CtlError } from "../ctl-error.ts";

/** As they are given; a flag that is not given is not there. */
export type RedirectFlags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Where the value of each flag stands in the configuration. */
const places: Readonly<Record<string, string>> = {
  dryRun: "dryRun",
  verbose: "verbose",
  ipFamilyMode: "ipFamilyMode",
  kumaDpUser: "kumaDPUser",
  kumaDpUid: "kumaDPUser",
  redirectInbound: "redirect.inbound.enabled",
  redirectInboundPort: "redirect.inbound.port",
  redirectInboundInsertInsteadOfAppend: "redirect.inbound.insertRedirectInsteadOfAppend",
  excludeInboundPorts: "redirect.inbound.excludePorts",
  excludeInboundIps: "redirect.inbound.excludePortsForIPs",
  redirectOutboundPort: "redirect.outbound.port",
  redirectOutboundInsertInsteadOfAppend: "redirect.outbound.insertRedirectInsteadOfAppend",
  excludeOutboundPorts: "redirect.outbound.excludePorts",
  excludeOutboundIps: "redirect.outbound.excludePortsForIPs",
  excludeOutboundPortsForUids: "redirect.outbound.excludePortsForUIDs",
  redirectDns: "redirect.dns.enabled",
  redirectAllDnsTraffic: "redirect.dns.captureAll",
  redirectDnsPort: "redirect.dns.port",
  skipDnsConntrackZoneSplit: "redirect.dns.skipConntrackZoneSplit",
  vnet: "redirect.vnet.networks",
  dropInvalidPackets: "dropInvalidPackets",
  storeFirewalld: "storeFirewalld",
  wait: "wait",
  waitInterval: "waitInterval",
  maxRetries: "retry.maxRetries",
  sleepBetweenRetries: "retry.sleepBetweenRetries",
  iptablesLogs: "log.enabled",
  disableComments: "comments.disabled",
  iptablesExecutables: "iptablesExecutables",
  ebpfEnabled: "ebpf.enabled",
  ebpfInstanceIp: "ebpf.instanceIP",
  ebpfBpffsPath: "ebpf.bpffsPath",
  ebpfCgroupPath: "ebpf.cgroupPath",
  ebpfTcAttachIface: "ebpf.tcAttachIface",
  ebpfProgramsSourcePath: "ebpf.programsSourcePath",
};

const prefix = "KUMA_TRANSPARENT_PROXY_";

/** Flags count most, then variables, then the document. @throws CtlError naming what cannot be read */
export function configOfFlags(flags: RedirectFlags, document: string | undefined, env: NodeJS.ProcessEnv): TransparentProxyConfig {
  const said = step("--config", () => (document === undefined ? defaultConfig() : readConfig(readYaml(document))));
  const byVariable = variables(env).reduce(
    (config, { name, path, value }) => step(name, () => readConfig(at(path, textValue(path, value)), config)),
    said,
  );
  return Object.entries(places).reduce((config, [flag, path]) => {
    const value = flags[flag];
    if (value === undefined) return config;
    const name = `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return step(name, () => readConfig(at(path, typeof value === "string" ? textValue(path, value) : value), config));
  }, byVariable);
}

function step<Result>(what: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof TransparentProxyError || (error as Error).name === "YamlError")
      throw new CtlError(`${what}: ${(error as Error).message}`);
    throw error;
  }
}

/** `a.b` and a value as the document `{ a: { b: value } }`. */
const at = (path: string, value: unknown): unknown => path.split(".").reduceRight((inner: unknown, key) => ({ [key]: inner }), value);

/** A text as what stands at that place of a configuration. @throws TransparentProxyError */
function textValue(path: string, text: string): unknown {
  if (path === "iptablesExecutables") return readExecutables(text);
  const now = path.split(".").reduce((value: unknown, key) => (value as Record<string, unknown>)[key], defaultConfig());
  if (typeof now === "boolean") {
    if (/^(1|t|true)$/i.test(text)) return true;
    if (/^(0|f|false)$/i.test(text)) return false;
    throw new TransparentProxyError(`"${text}" is neither true nor false`);
  }
  if (path.endsWith("ort")) return text;
  if (typeof now === "number") return /^\d+$/.test(text) ? Number(text) : text;
  if (path.endsWith("Ports")) return readPorts(text);
  return Array.isArray(now) ? text.split(",").filter((part) => part !== "") : text;
}

/** "name:path,name:path". @throws TransparentProxyError */
function readExecutables(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => {
    const [name = "", ...path] = pair.trim().split(":");
    if (!executableNames.some((known) => known === name) || path.length === 0) {
      throw new TransparentProxyError(`invalid format in '${pair}': expected '<name>:<path>' with one of ${executableNames.join(", ")}`);
    }
    return [name, path.join(":")];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** What the environment says: `KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT` is `redirect.inbound.port`. */
function variables(env: NodeJS.ProcessEnv): { name: string; path: string; value: string }[] {
  return [...new Set(Object.values(places)), ...furtherPlaces].flatMap((path) => {
    const name = variableOf(path);
    const value = env[name];
    return value ? [{ name, path, value }] : [];
  });
}

const furtherPlaces = [
  ...["inbound", "outbound"].map((flow) => `redirect.${flow}.includePorts`),
  ...["redirect.outbound.enabled", "redirect.dns.resolvConfigPath", "log.level", "ebpf.instanceIPEnvVarName"],
];

const variableOf = (path: string): string =>
  prefix +
  path
    .replaceAll(/IPs|UIDs/g, (word) => word[0] + word.slice(1).toLowerCase())
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase();
