import { keyValues } from "../input/flag-values.ts";
import { checkedCertificates, checkedToken, checkKey, readToken } from "./credentials.ts";
import { resolveDnsOptions, type Chooser, type DnsFlags, type DnsOptions } from "./dns-options.ts";
import { dpLogLevel, type DpLogFlags } from "./dp-log.ts";
import { DpOptionsError } from "./dp-options-error.ts";
import { durationS, fileText, truth, wholeNumber } from "./option-values.ts";
import { readProxyDocument, type ProxyDocument, type ProxyType } from "./proxy-document.ts";

/** What `atoll-dp run` was asked to do, from flags and `KUMA_*` / `ATOLL_*` variables. */
export interface DpOptions {
  cpAddress: URL;
  /** PEM of the CA that signed the control plane's certificate; absent = not verified for /bootstrap. */
  caCertPem: string | undefined;
  proxyType: ProxyType;
  mesh: string;
  name: string;
  /** To be registered; checked by the control plane, which knows the rules. */
  resource: ProxyDocument | undefined;
  token: string;
  tokenPath: string;
  envoyBinary: string;
  configDir: string | undefined;
  socketDir: string | undefined;
  concurrency: number | undefined;
  envoyLogLevel: string;
  /** `--component-log-level` of Envoy; "" = none. */
  envoyComponentLogLevel: string;
  drainTimeS: number;
  readinessPort: number;
  /** Where a kubelet's probes of the application arrive; 0 = nowhere. */
  probeProxyPort: number;
  /** Certificate and key of the listener that Prometheus reads, where its backend says `providedTLS`. */
  metrics: { certPath: string; keyPath: string };
  /** Of Envoy's heap, from which on it sheds load; 0 = no limit. */
  maxMemoryBytes: number;
  systemCaPath: string;
  ipv6: boolean;
  dns: DnsOptions;
  retry: { backoffMs: number; maxDurationMs: number };
  /** What was given and does not count, for the log. */
  notices: string[];
}

export interface DpFlags extends DnsFlags, DpLogFlags {
  cpAddress?: string;
  caCertFile?: string;
  proxyType?: string;
  mesh?: string;
  name?: string;
  dataplane?: string;
  dataplaneFile?: string;
  dataplaneToken?: string;
  dataplaneTokenFile?: string;
  dataplaneVar?: string[];
  binaryPath?: string;
  configDir?: string;
  socketDir?: string;
  concurrency?: string;
  envoyLogLevel?: string;
  envoyComponentLogLevel?: string;
  metricsCertPath?: string;
  metricsKeyPath?: string;
  drainTime?: string;
}

/** Variables win over flags, as in kuma-dp; one that is empty is as if it was not there. @throws DpOptionsError */
export function resolveDpOptions(flags: DpFlags, env: NodeJS.ProcessEnv): DpOptions {
  const notices: string[] = [];
  const variable = (name: string) => env[`ATOLL_${name}`] || env[`KUMA_${name}`] || undefined;
  const chosen: Chooser = (name, flag, given) => {
    const text = variable(name);
    if (text !== undefined && given !== undefined && text !== given)
      notices.push(`${flag} has no effect: the variable ${env[`ATOLL_${name}`] ? "ATOLL" : "KUMA"}_${name} is set and wins`);
    return text ?? given;
  };
  const choose = (name: string, flag: string, given: string | undefined): string | undefined => chosen(name, flag, given);

  const proxyType = choose("DATAPLANE_PROXY_TYPE", "--proxy-type", flags.proxyType) ?? "dataplane";
  if (proxyType !== "dataplane" && proxyType !== "ingress" && proxyType !== "egress") {
    throw new DpOptionsError(`--proxy-type: "${proxyType}" is not one of dataplane, ingress, egress`);
  }
  const resource = resourceOf(flags, choose, proxyType, notices);
  const name = choose("DATAPLANE_NAME", "--name", flags.name) ?? podName(env, resource !== undefined);
  const mesh = choose("DATAPLANE_MESH", "--mesh", flags.mesh) ?? "";
  if (resource !== undefined && (name !== "" || mesh !== "")) {
    throw new DpOptionsError("--name and --mesh cannot be given together with --dataplane or --dataplane-file");
  }
  if (resource === undefined && name === "") throw new DpOptionsError("--name is required unless --dataplane-file is given");
  const envoyLogLevel = choose("DATAPLANE_RUNTIME_ENVOY_LOG_LEVEL", "--envoy-log-level", flags.envoyLogLevel) ?? dpLogLevel(flags);
  if (!envoyLevels.includes(envoyLogLevel))
    throw new DpOptionsError(`--envoy-log-level: "${envoyLogLevel}" is not one of ${envoyLevels.join(", ")}`);
  return {
    cpAddress: parseAddress(choose("CONTROL_PLANE_URL", "--cp-address", flags.cpAddress) ?? "https://localhost:5678"),
    caCertPem: caOf(flags, choose),
    proxyType,
    mesh: resource?.mesh ?? (proxyType === "dataplane" ? mesh || "default" : ""),
    name: resource?.name ?? name,
    resource,
    ...tokenOf(flags, choose),
    envoyBinary: choose("DATAPLANE_RUNTIME_BINARY_PATH", "--binary-path", flags.binaryPath) ?? env.ENVOY_PATH ?? "envoy",
    configDir: choose("DATAPLANE_RUNTIME_CONFIG_DIR", "--config-dir", flags.configDir),
    socketDir: choose("DATAPLANE_RUNTIME_SOCKET_DIR", "--socket-dir", flags.socketDir),
    // 0 leaves it to Envoy.
    concurrency:
      wholeNumber("--concurrency", choose("DATAPLANE_RUNTIME_CONCURRENCY", "--concurrency", flags.concurrency) ?? "0") || undefined,
    envoyLogLevel,
    envoyComponentLogLevel:
      choose("DATAPLANE_RUNTIME_ENVOY_COMPONENT_LOG_LEVEL", "--envoy-component-log-level", flags.envoyComponentLogLevel) ?? "",
    drainTimeS: durationS("--drain-time", choose("DATAPLANE_DRAIN_TIME", "--drain-time", flags.drainTime) ?? "30s"),
    readinessPort: wholeNumber("KUMA_READINESS_PORT", variable("READINESS_PORT") ?? "9902", 65_535),
    probeProxyPort: wholeNumber("KUMA_APPLICATION_PROBE_PROXY_PORT", variable("APPLICATION_PROBE_PROXY_PORT") ?? "0", 65_535),
    metrics: metricsOf(flags, choose),
    maxMemoryBytes: wholeNumber("KUMA_DATAPLANE_RESOURCES_MAX_MEMORY_BYTES", variable("DATAPLANE_RESOURCES_MAX_MEMORY_BYTES") ?? "0"),
    systemCaPath: variable("DATAPLANE_RUNTIME_DYNAMIC_SYSTEM_CA_PATH") ?? "",
    ipv6: truth("KUMA_DATAPLANE_RUNTIME_IPV6_ENABLED", variable("DATAPLANE_RUNTIME_IPV6_ENABLED") ?? false),
    dns: resolveDnsOptions(flags, chosen),
    retry: {
      backoffMs: 1_000 * durationS("KUMA_CONTROL_PLANE_RETRY_BACKOFF", variable("CONTROL_PLANE_RETRY_BACKOFF") ?? "1s"),
      maxDurationMs: 1_000 * durationS("KUMA_CONTROL_PLANE_RETRY_MAX_DURATION", variable("CONTROL_PLANE_RETRY_MAX_DURATION") ?? "5m"),
    },
    notices,
  };
}

/** What the Dataplane of a pod is called, whose sidecar is told nothing else; "" outside of a pod, and where a document has the name. */
const podName = ({ POD_NAME, POD_NAMESPACE }: NodeJS.ProcessEnv, hasDocument: boolean): string =>
  POD_NAME && POD_NAMESPACE && !hasDocument ? `${POD_NAME}.${POD_NAMESPACE}` : "";

const envoyLevels = ["trace", "debug", "info", "warning", "warn", "error", "critical", "off"];

type Choose = (name: string, flag: string, given: string | undefined) => string | undefined;

function resourceOf(flags: DpFlags, choose: Choose, proxyType: ProxyType, notices: string[]): ProxyDocument | undefined {
  const path = choose("DATAPLANE_RUNTIME_RESOURCE_PATH", "--dataplane-file", flags.dataplaneFile);
  const inline = choose("DATAPLANE_RUNTIME_RESOURCE", "--dataplane", flags.dataplane);
  const values = keyValues(flags.dataplaneVar ?? [], "-v, --dataplane-var");
  const options = { values, proxyType, notice: (text: string) => void notices.push(text) };
  // The file wins, as in kuma-dp.
  if (path) return readProxyDocument(`--dataplane-file: ${path}`, fileText("--dataplane-file", path), options);
  return inline ? readProxyDocument("--dataplane", inline, options) : undefined;
}

/** A token that is given as text wins over a file, as in kuma-dp. */
function tokenOf(flags: DpFlags, choose: Choose): { token: string; tokenPath: string } {
  const text = choose("DATAPLANE_RUNTIME_TOKEN", "--dataplane-token", flags.dataplaneToken);
  const path = choose("DATAPLANE_RUNTIME_TOKEN_PATH", "--dataplane-token-file", flags.dataplaneTokenFile);
  if (text) return { token: checkedToken("--dataplane-token", text), tokenPath: "" };
  return path ? { token: readToken("--dataplane-token-file", path), tokenPath: path } : { token: "", tokenPath: "" };
}

/** Certificates that are given as text win over a file, as in kuma-dp. */
function caOf(flags: DpFlags, choose: Choose): string | undefined {
  const pem = choose("CONTROL_PLANE_CA_CERT", "", undefined);
  if (pem) return checkedCertificates("KUMA_CONTROL_PLANE_CA_CERT", pem);
  const path = choose("CONTROL_PLANE_CA_CERT_FILE", "--ca-cert-file", flags.caCertFile);
  return path ? checkedCertificates(`--ca-cert-file: ${path}`, fileText("--ca-cert-file", path)) : undefined;
}

/** Envoy reads them itself; here nothing has started yet that could fail for them. */
function metricsOf(flags: DpFlags, choose: Choose): DpOptions["metrics"] {
  const certPath = choose("DATAPLANE_RUNTIME_METRICS_CERT_PATH", "--metrics-cert-path", flags.metricsCertPath) ?? "";
  const keyPath = choose("DATAPLANE_RUNTIME_METRICS_KEY_PATH", "--metrics-key-path", flags.metricsKeyPath) ?? "";
  if ((certPath === "") !== (keyPath === "")) throw new DpOptionsError("--metrics-cert-path and --metrics-key-path need each other");
  if (certPath !== "") {
    const certificate = checkedCertificates(`--metrics-cert-path: ${certPath}`, fileText("--metrics-cert-path", certPath));
    checkKey(`--metrics-key-path: ${keyPath}`, fileText("--metrics-key-path", keyPath), certificate);
  }
  return { certPath, keyPath };
}

function parseAddress(text: string): URL {
  if (!URL.canParse(text)) throw new DpOptionsError(`--cp-address: "${text}" is not a URL`);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new DpOptionsError(`--cp-address: "${text}" has to start with https://`);
  return url;
}
