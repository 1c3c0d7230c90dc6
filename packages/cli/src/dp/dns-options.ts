import { DpOptionsError } from "./dp-options-error.ts";
import { wholeNumber } from "./option-values.ts";

/** How a workload's DNS questions are answered. */
export interface DnsOptions {
  /** Answer them at all. */
  enabled: boolean;
  /** Where Envoy knows the names of the mesh. */
  envoyPort: number;
  /** Where questions arrive: the host's rules redirect them here. */
  port: number;
  /** CoreDNS; undefined = `coredns`, if it is found. */
  coreDnsBinary: string | undefined;
  corefileTemplatePath: string | undefined;
  /** Where the Corefile is written; undefined = beside the bootstrap configuration. */
  configDir: string | undefined;
  prometheusPort: number;
  logging: boolean;
}

export interface DnsFlags {
  dnsEnabled?: string | boolean;
  dnsEnvoyPort?: string;
  dnsCorednsPort?: string;
  dnsCorednsPath?: string;
  dnsCorednsConfigTemplatePath?: string;
  dnsServerConfigDir?: string;
  dnsPrometheusPort?: string;
  dnsEnableLogging?: string | boolean;
}

export function resolveDnsOptions(flags: DnsFlags, variable: (name: string) => string | undefined): DnsOptions {
  return {
    enabled: truth("--dns-enabled", flags.dnsEnabled ?? variable("DNS_ENABLED") ?? true),
    envoyPort: port("--dns-envoy-port", flags.dnsEnvoyPort ?? variable("DNS_ENVOY_DNS_PORT") ?? "15054"),
    port: port("--dns-coredns-port", flags.dnsCorednsPort ?? variable("DNS_CORE_DNS_PORT") ?? "15053"),
    coreDnsBinary: flags.dnsCorednsPath ?? variable("DNS_CORE_DNS_BINARY_PATH"),
    corefileTemplatePath: flags.dnsCorednsConfigTemplatePath ?? variable("DNS_CORE_DNS_CONFIG_TEMPLATE_PATH"),
    configDir: flags.dnsServerConfigDir ?? variable("DNS_CONFIG_DIR"),
    prometheusPort: port("--dns-prometheus-port", flags.dnsPrometheusPort ?? variable("DNS_PROMETHEUS_PORT") ?? "19153"),
    logging: truth("--dns-enable-logging", flags.dnsEnableLogging ?? variable("DNS_ENABLE_LOGGING") ?? false),
  };
}

function port(flag: string, text: string): number {
  const number = wholeNumber(flag, text);
  if (number > 65_535) throw new DpOptionsError(`${flag}: ${text} is not a port`);
  return number;
}

/** A flag without a value is true. */
function truth(flag: string, value: string | boolean): boolean {
  if (typeof value === "boolean") return value;
  if (/^(true|1|t)$/i.test(value)) return true;
  if (/^(false|0|f)$/i.test(value)) return false;
  throw new DpOptionsError(`${flag}: "${value}" is neither true nor false`);
}
