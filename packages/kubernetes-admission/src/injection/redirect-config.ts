import { annotation, readBoolean, readEnabled, readList, readUint32, type Annotations } from "@atoll/kubernetes";
import { readIpFamilyMode, readPorts, type TransparentProxyConfig } from "@atoll/transparent-proxy";
import { InjectionError } from "./injection-error.ts";
import { isGateway } from "./probe-annotations.ts";
import { probeAnnotations } from "./redirect-annotations.ts";
import type { InjectionSettings } from "./settings.ts";

/**
 * What is redirected in a pod where a ConfigMap says it: the pod's annotations count most, then the ConfigMap, then the settings. The proxy's user and
 * ports are the settings' alone. @throws AnnotationError, InjectionError, TransparentProxyError
 */
export function redirectConfig(
  base: TransparentProxyConfig,
  annotations: Annotations,
  settings: InjectionSettings,
): TransparentProxyConfig {
  const { sidecar, exclude, dns } = settings;
  const ports = (key: string, configured: readonly number[], byDefault: readonly number[]): number[] =>
    first(annotations?.[key] === undefined ? [] : readPorts(annotations[key]), configured, byDefault);
  const ips = (key: string, configured: readonly string[], byDefault: readonly string[]): string[] =>
    first(readList(annotations, key) ?? [], configured, byDefault);
  const { inbound, outbound } = base.redirect;
  const forUids = annotations?.[annotation.excludeOutboundPortsForUids];
  return {
    ...base,
    kumaDPUser: String(sidecar.uid),
    cniMode: settings.cni,
    ipFamilyMode: familyMode(annotations, base),
    dropInvalidPackets: readBoolean(annotations, annotation.dropInvalidPackets) ?? base.dropInvalidPackets,
    log: { ...base.log, enabled: readBoolean(annotations, annotation.iptablesLogs) ?? base.log.enabled },
    ebpf: ebpfOf(base, annotations, settings),
    redirect: {
      ...base.redirect,
      dns: { ...base.redirect.dns, port: dns.port },
      outbound: {
        ...outbound,
        port: sidecar.redirectOutboundPort,
        excludePorts: ports(annotation.excludeOutboundPorts, outbound.excludePorts, exclude.outboundPorts),
        excludePortsForUIDs: forUids === undefined ? outbound.excludePortsForUIDs : forUids.split(";"),
        excludePortsForIPs: ips(annotation.excludeOutboundIps, outbound.excludePortsForIPs, exclude.outboundIps),
      },
      inbound: isGateway(annotations)
        ? { ...inbound, enabled: false }
        : !inbound.enabled
          ? inbound
          : {
              ...inbound,
              port: sidecar.redirectInboundPort,
              excludePortsForIPs: ips(annotation.excludeInboundIps, inbound.excludePortsForIPs, exclude.inboundIps),
              excludePorts: [
                ...ports(annotation.excludeInboundPorts, inbound.excludePorts, exclude.inboundPorts),
                ...probePorts(annotations, settings),
              ],
            },
    },
  };
}

const first = <Item>(...lists: readonly (readonly Item[])[]): Item[] => [...(lists.find((list) => list.length > 0) ?? [])];

function familyMode(annotations: Annotations, base: TransparentProxyConfig): TransparentProxyConfig["ipFamilyMode"] {
  const asked = annotations?.[annotation.ipFamilyMode];
  if (asked === undefined) return base.ipFamilyMode;
  try {
    return readIpFamilyMode(asked);
  } catch (error) {
    throw new InjectionError(`invalid IP Family Mode in annotation '${annotation.ipFamilyMode}': ${asked}: ${(error as Error).message}`);
  }
}

function probePorts(annotations: Annotations, settings: InjectionSettings): number[] {
  const port = Number(probeAnnotations(annotations, settings)[annotation.probeProxyPort]);
  return port === 0 ? [] : [port];
}

function ebpfOf(base: TransparentProxyConfig, annotations: Annotations, { ebpf }: InjectionSettings): TransparentProxyConfig["ebpf"] {
  const enabled = readEnabled(annotations, annotation.ebpf) ?? base.ebpf.enabled;
  if (!enabled) return { ...base.ebpf, enabled };
  const or = (key: string, byDefault: string, configured: string): string => (annotations?.[key] ?? byDefault) || configured;
  return {
    ...base.ebpf,
    enabled,
    bpffsPath: or(annotation.ebpfBpfFsPath, ebpf.bpfFsPath, base.ebpf.bpffsPath),
    cgroupPath: or(annotation.ebpfCgroupPath, ebpf.cgroupPath, base.ebpf.cgroupPath),
    tcAttachIface: or(annotation.ebpfTcAttachInterface, ebpf.tcAttachInterface, base.ebpf.tcAttachIface),
    instanceIPEnvVarName: or(annotation.ebpfInstanceIpVariable, ebpf.instanceIpVariable, base.ebpf.instanceIPEnvVarName),
    programsSourcePath: or(annotation.ebpfProgramsPath, ebpf.programsPath, base.ebpf.programsSourcePath),
  };
}

/** The annotations that say the same, for controllers and the CNI plugin. @throws AnnotationError, InjectionError */
export function configAnnotations(
  config: TransparentProxyConfig,
  annotations: Annotations,
  settings: InjectionSettings,
): Record<string, string> {
  const { redirect, ebpf } = config;
  const listed = (key: string, values: readonly (string | number)[]) => (values.length > 0 ? { [key]: values.join(",") } : {});
  return {
    [annotation.sidecarInjected]: "true",
    [annotation.transparentProxying]: "enabled",
    [annotation.sidecarUid]: config.kumaDPUser,
    [annotation.redirectOutboundPort]: String(redirect.outbound.port),
    [annotation.redirectInboundPort]: String(redirect.inbound.port),
    [annotation.ipFamilyMode]: config.ipFamilyMode,
    ...(config.cniMode && { [annotation.cniNetworks]: "kuma-cni" }),
    ...(config.dropInvalidPackets && { [annotation.dropInvalidPackets]: "true" }),
    ...(config.log.enabled && { [annotation.iptablesLogs]: "true" }),
    ...(ebpf.enabled && {
      [annotation.ebpf]: "enabled",
      [annotation.ebpfBpfFsPath]: ebpf.bpffsPath,
      [annotation.ebpfCgroupPath]: ebpf.cgroupPath,
      [annotation.ebpfTcAttachInterface]: ebpf.tcAttachIface,
      [annotation.ebpfProgramsPath]: ebpf.programsSourcePath,
      [annotation.ebpfInstanceIpVariable]: ebpf.instanceIPEnvVarName,
    }),
    ...listed(annotation.excludeOutboundPorts, redirect.outbound.excludePorts),
    ...listed(annotation.excludeOutboundIps, redirect.outbound.excludePortsForIPs),
    ...listed(annotation.excludeInboundPorts, redirect.inbound.excludePorts),
    ...listed(annotation.excludeInboundIps, redirect.inbound.excludePortsForIPs),
    ...(redirect.dns.enabled && {
      [annotation.dns]: "enabled",
      [annotation.dnsPort]: String(redirect.dns.port),
      [annotation.dnsLogging]: String(readEnabled(annotations, annotation.dnsLogging) ?? settings.dns.logging),
    }),
    ...probeAnnotations(annotations, settings),
    [annotation.envoyAdminPort]: String(readUint32(annotations, annotation.envoyAdminPort) ?? settings.envoyAdminPort),
  };
}
