import { truth, wholeNumber } from "./option-values.ts";

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

/** What counts of a variable (without its prefix) and a flag. */
export type Chooser = <Value extends string | boolean>(
  variable: string,
  flag: string,
  given: Value | undefined,
) => Value | string | undefined;

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

export function resolveDnsOptions(flags: DnsFlags, chosen: Chooser): DnsOptions {
  const path = (variable: string, flag: string, given: string | undefined) => chosen(variable, flag, given) as string | undefined;
  return {
    enabled: truth("--dns-enabled", chosen("DNS_ENABLED", "--dns-enabled", flags.dnsEnabled) ?? true),
    envoyPort: port("--dns-envoy-port", chosen("DNS_ENVOY_DNS_PORT", "--dns-envoy-port", flags.dnsEnvoyPort) ?? "15054"),
    port: port("--dns-coredns-port", chosen("DNS_CORE_DNS_PORT", "--dns-coredns-port", flags.dnsCorednsPort) ?? "15053"),
    // Injectors say the name that kuma-dp would look for anyway; that asks for nothing.
    coreDnsBinary: unless("coredns", path("DNS_CORE_DNS_BINARY_PATH", "--dns-coredns-path", flags.dnsCorednsPath)),
    corefileTemplatePath: path(
      "DNS_CORE_DNS_CONFIG_TEMPLATE_PATH",
      "--dns-coredns-config-template-path",
      flags.dnsCorednsConfigTemplatePath,
    ),
    configDir: path("DNS_CONFIG_DIR", "--dns-server-config-dir", flags.dnsServerConfigDir),
    prometheusPort: port(
      "--dns-prometheus-port",
      chosen("DNS_PROMETHEUS_PORT", "--dns-prometheus-port", flags.dnsPrometheusPort) ?? "19153",
    ),
    logging: truth("--dns-enable-logging", chosen("DNS_ENABLE_LOGGING", "--dns-enable-logging", flags.dnsEnableLogging) ?? false),
  };
}

const unless = (byDefault: string, given: string | undefined): string | undefined => (given === byDefault ? undefined : given);

const port = (flag: string, text: string | boolean): number => wholeNumber(flag, String(text), 65_535);
