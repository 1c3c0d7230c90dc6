import { goQuote, parseGoDuration } from "@atoll/resource";

/** Labels and annotations of pods, Services and namespaces that users or the injector write. Source: kuma.io/docs, "Annotations and labels in Kubernetes". */
export const annotation = {
  mesh: "kuma.io/mesh",
  sidecarInjection: "kuma.io/sidecar-injection",
  sidecarInjected: "kuma.io/sidecar-injected",
  gateway: "kuma.io/gateway",
  ingress: "kuma.io/ingress",
  ingressPublicAddress: "kuma.io/ingress-public-address",
  ingressPublicPort: "kuma.io/ingress-public-port",
  egress: "kuma.io/egress",
  tags: "kuma.io/tags",
  ignore: "kuma.io/ignore",
  directAccessServices: "kuma.io/direct-access-services",
  reachableServices: "kuma.io/transparent-proxying-reachable-services",
  reachableBackends: "kuma.io/reachable-backends",
  transparentProxying: "kuma.io/transparent-proxying",
  redirectInboundPort: "kuma.io/transparent-proxying-inbound-port",
  redirectOutboundPort: "kuma.io/transparent-proxying-outbound-port",
  ipFamilyMode: "kuma.io/transparent-proxying-ip-family-mode",
  ebpf: "kuma.io/transparent-proxying-ebpf",
  ebpfBpfFsPath: "kuma.io/transparent-proxying-ebpf-bpf-fs-path",
  ebpfCgroupPath: "kuma.io/transparent-proxying-ebpf-cgroup-path",
  ebpfTcAttachInterface: "kuma.io/transparent-proxying-ebpf-tc-attach-iface",
  ebpfInstanceIpVariable: "kuma.io/transparent-proxying-ebpf-instance-ip-env-var-name",
  ebpfProgramsPath: "kuma.io/transparent-proxying-ebpf-programs-source-path",
  virtualProbes: "kuma.io/virtual-probes",
  virtualProbesPort: "kuma.io/virtual-probes-port",
  probeProxyPort: "kuma.io/application-probe-proxy-port",
  sidecarEnv: "kuma.io/sidecar-env-vars",
  sidecarConcurrency: "kuma.io/sidecar-proxy-concurrency",
  sidecarDrainTime: "kuma.io/sidecar-drain-time",
  sidecarUid: "kuma.io/sidecar-uid",
  containerPatches: "kuma.io/container-patches",
  envoyAdminPort: "kuma.io/envoy-admin-port",
  envoyLogLevel: "kuma.io/envoy-log-level",
  envoyComponentLogLevel: "kuma.io/envoy-component-log-level",
  tokenVolume: "kuma.io/service-account-token-volume",
  initFirst: "kuma.io/init-first",
  waitForDataplaneReady: "kuma.io/wait-for-dataplane-ready",
  dns: "kuma.io/builtin-dns",
  dnsPort: "kuma.io/builtin-dns-port",
  dnsLogging: "kuma.io/builtin-dns-logging",
  excludeInboundPorts: "traffic.kuma.io/exclude-inbound-ports",
  excludeOutboundPorts: "traffic.kuma.io/exclude-outbound-ports",
  excludeOutboundPortsForUids: "traffic.kuma.io/exclude-outbound-ports-for-uids",
  excludeInboundIps: "traffic.kuma.io/exclude-inbound-ips",
  excludeOutboundIps: "traffic.kuma.io/exclude-outbound-ips",
  dropInvalidPackets: "traffic.kuma.io/drop-invalid-packets",
  iptablesLogs: "traffic.kuma.io/iptables-logs",
  transparentProxyConfig: "traffic.kuma.io/transparent-proxy-config",
  transparentProxyConfigMap: "traffic.kuma.io/transparent-proxy-configmap-name",
  metricsPort: "prometheus.metrics.kuma.io/port",
  metricsPath: "prometheus.metrics.kuma.io/path",
  serviceUpstream: "ingress.kubernetes.io/service-upstream",
  nginxServiceUpstream: "nginx.ingress.kubernetes.io/service-upstream",
  cniNetworks: "k8s.v1.cni.cncf.io/networks",
  defaultContainer: "kubectl.kubernetes.io/default-container",
} as const;

/** What one of the applications in a pod is scraped for, by the application's name. */
export const aggregatedMetrics = {
  port: (application: string) => `prometheus.metrics.kuma.io/aggregate-${application}-port`,
  path: (application: string) => `prometheus.metrics.kuma.io/aggregate-${application}-path`,
  address: (application: string) => `prometheus.metrics.kuma.io/aggregate-${application}-address`,
  enabled: (application: string) => `prometheus.metrics.kuma.io/aggregate-${application}-enabled`,
} as const;

const aggregateKey = /^prometheus\.metrics\.kuma\.io\/aggregate-([a-zA-Z0-9-]+)-(?:port|path|enabled)$/;

/** The applications that a pod's annotations name, sorted; an address alone names none. */
export const aggregatedApplications = (annotations: Annotations): string[] =>
  [...new Set(Object.keys(annotations ?? {}).flatMap((key) => aggregateKey.exec(key)?.[1] ?? []))].toSorted();

/** What the port of a Service speaks, if its `appProtocol` does not say it. */
export const protocolAnnotation = (servicePort: number): string => `${servicePort}.service.kuma.io/protocol`;

/** What a pod may be asked to do no more, or should ask for in another way, as the injector's warnings have it. */
export const deprecatedPodAnnotations: readonly { key: string; message: string }[] = [
  {
    key: "kuma.io/builtindns",
    message: `'kuma.io/builtindns' is no longer supported and it will be ignored, use '${annotation.dns}' instead`,
  },
  {
    key: "kuma.io/builtindnsport",
    message: `'kuma.io/builtindnsport' is no longer supported and it will be ignored, use '${annotation.dnsPort}' instead`,
  },
  { key: annotation.virtualProbes, message: `'${annotation.virtualProbes}' will be removed in a future release` },
  { key: annotation.virtualProbesPort, message: `'${annotation.virtualProbesPort}' is being replaced by: '${annotation.probeProxyPort}'` },
  {
    key: annotation.sidecarInjection,
    message: `'${annotation.sidecarInjection}' has no effect as an annotation, use it as a label instead`,
  },
];

/** Annotations or labels as they come with an object. */
export type Annotations = Readonly<Record<string, string>> | undefined;

/** A value that cannot be read; the message names the annotation and the reason. */
export class AnnotationError extends Error {
  override readonly name = "AnnotationError";
}

const switches: Readonly<Record<string, boolean>> = { true: true, yes: true, false: false, no: false };
const wideSwitches: Readonly<Record<string, boolean>> = { ...switches, enabled: true, disabled: false };

function readSwitch(annotations: Annotations, key: string, words: Readonly<Record<string, boolean>>): boolean | undefined {
  const value = annotations?.[key];
  if (value === undefined) return undefined;
  if (!Object.hasOwn(words, value)) throw new AnnotationError(`annotation "${key}" has wrong value "${value}"`);
  return words[value];
}

/** true, yes, enabled, false, no or disabled; undefined if it is not there. @throws AnnotationError */
export const readEnabled = (annotations: Annotations, key: string): boolean | undefined => readSwitch(annotations, key, wideSwitches);

/** true, yes, false or no. @throws AnnotationError */
export const readBoolean = (annotations: Annotations, key: string): boolean | undefined => readSwitch(annotations, key, switches);

/** A whole number below 2^32. @throws AnnotationError */
export function readUint32(annotations: Annotations, key: string): number | undefined {
  const value = annotations?.[key];
  if (value === undefined) return undefined;
  const fault = !/^[0-9]+$/.test(value) ? "invalid syntax" : Number(value) > 0xffff_ffff ? "value out of range" : undefined;
  if (fault !== undefined) {
    throw new AnnotationError(`failed to parse annotation ${goQuote(key)}: strconv.ParseUint: parsing ${goQuote(value)}: ${fault}`);
  }
  return Number(value);
}

/** Go's notation ("30s"), in nanoseconds. @throws AnnotationError */
export function readDurationNs(annotations: Annotations, key: string): bigint | undefined {
  const value = annotations?.[key];
  if (value === undefined) return undefined;
  const parsed = parseGoDuration(value);
  if ("error" in parsed) throw new AnnotationError(`failed to parse annotation ${goQuote(key)}: ${parsed.error}`);
  return parsed.nanoseconds;
}

/** Values between commas; empty ones are none. */
export const readList = (annotations: Annotations, key: string): string[] | undefined =>
  annotations?.[key]?.split(",").filter((value) => value !== "");

/** "A=1;B=2", with no "=" in a value. @throws AnnotationError */
export function readMap(annotations: Annotations, key: string): Record<string, string> | undefined {
  const value = annotations?.[key];
  if (value === undefined) return undefined;
  const map: Record<string, string> = {};
  for (const pair of value.split(";")) {
    const [name, assigned, ...more] = pair.split("=");
    if (name === undefined || assigned === undefined || more.length > 0) {
      throw new AnnotationError(
        `invalid format. Map in ${goQuote(key)} has to be provided in the following format: key1=value1;key2=value2`,
      );
    }
    map[name] = assigned;
  }
  return map;
}

interface Labelled {
  readonly metadata: { readonly labels?: Annotations; readonly annotations?: Annotations };
}

/** The mesh of a pod or a Service: its label, else its namespace's; an annotation in place of either label is still heard. */
export const meshOf = (object: Labelled, namespace: Labelled | undefined): string =>
  object.metadata.labels?.[annotation.mesh] ||
  object.metadata.annotations?.[annotation.mesh] ||
  namespace?.metadata.labels?.[annotation.mesh] ||
  namespace?.metadata.annotations?.[annotation.mesh] ||
  "default";
