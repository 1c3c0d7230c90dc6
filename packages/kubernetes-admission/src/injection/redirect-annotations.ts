import { annotation, readEnabled, readUint32, type Annotations } from "@atoll/kubernetes";
import { probeProxyPortOf, virtualProbesEnabled } from "./probe-annotations.ts";
import type { InjectionSettings } from "./settings.ts";

/** Annotations that say how a pod's traffic reaches its proxy, for the controllers, the init container and the CNI plugin. @throws AnnotationError, InjectionError */
export function redirectAnnotations(annotations: Annotations, settings: InjectionSettings): Record<string, string> {
  const { sidecar, exclude, cni } = settings;
  const orElse = (key: string, byDefault: string): Record<string, string> => {
    const value = annotations?.[key] ?? byDefault;
    return value === "" ? {} : { [key]: value };
  };
  return {
    [annotation.sidecarInjected]: "true",
    [annotation.transparentProxying]: "enabled",
    [annotation.sidecarUid]: String(sidecar.uid),
    [annotation.redirectOutboundPort]: String(sidecar.redirectOutboundPort),
    [annotation.redirectInboundPort]: String(sidecar.redirectInboundPort),
    ...(cni && { [annotation.cniNetworks]: "kuma-cni" }),
    ...ebpfAnnotations(annotations, settings),
    ...dnsAnnotations(annotations, settings),
    ...probeAnnotations(annotations, settings),
    ...orElse(annotation.excludeInboundPorts, exclude.inboundPorts.join(",")),
    ...orElse(annotation.excludeOutboundPorts, exclude.outboundPorts.join(",")),
    [annotation.ipFamilyMode]: (annotations?.[annotation.ipFamilyMode] ?? sidecar.ipFamilyMode) || "dualstack",
    [annotation.envoyAdminPort]: String(readUint32(annotations, annotation.envoyAdminPort) ?? settings.envoyAdminPort),
    ...orElse(annotation.excludeOutboundIps, exclude.outboundIps.join(",")),
    ...orElse(annotation.excludeInboundIps, exclude.inboundIps.join(",")),
  };
}

function ebpfAnnotations(annotations: Annotations, { ebpf }: InjectionSettings): Record<string, string> {
  if (!(readEnabled(annotations, annotation.ebpf) ?? ebpf.enabled)) return {};
  const paths = {
    [annotation.ebpfBpfFsPath]: ebpf.bpfFsPath,
    [annotation.ebpfCgroupPath]: ebpf.cgroupPath,
    [annotation.ebpfTcAttachInterface]: ebpf.tcAttachInterface,
    [annotation.ebpfProgramsPath]: ebpf.programsPath,
    [annotation.ebpfInstanceIpVariable]: ebpf.instanceIpVariable,
  };
  const said = Object.entries(paths).map(([key, byDefault]) => [key, annotations?.[key] ?? byDefault] as const);
  return { [annotation.ebpf]: "enabled", ...Object.fromEntries(said.filter(([, value]) => value !== "")) };
}

function dnsAnnotations(annotations: Annotations, { dns }: InjectionSettings): Record<string, string> {
  if (!(readEnabled(annotations, annotation.dns) ?? dns.enabled)) return {};
  return {
    [annotation.dns]: "enabled",
    [annotation.dnsPort]: String(readUint32(annotations, annotation.dnsPort) ?? dns.port),
    [annotation.dnsLogging]: String(readEnabled(annotations, annotation.dnsLogging) ?? dns.logging),
  };
}

/** Who carries out the pod's probes. @throws AnnotationError, InjectionError */
export function probeAnnotations(annotations: Annotations, settings: InjectionSettings): Record<string, string> {
  const virtualProbes = virtualProbesEnabled(annotations, settings.virtualProbes.enabled);
  return {
    [annotation.virtualProbes]: virtualProbes ? "enabled" : "disabled",
    [annotation.virtualProbesPort]: String(readUint32(annotations, annotation.virtualProbesPort) ?? settings.virtualProbes.port),
    [annotation.probeProxyPort]: String(probeProxyPortOf(annotations, { virtualProbes, byDefault: settings.probeProxyPort })),
  };
}

/** What a pod asks for that is not its to choose. */
export function overruledAnnotations(annotations: Annotations, { sidecar }: InjectionSettings): string[] {
  const fixed: readonly (readonly [string, string])[] = [
    [annotation.redirectInboundPort, String(sidecar.redirectInboundPort)],
    [annotation.redirectOutboundPort, String(sidecar.redirectOutboundPort)],
    [annotation.sidecarUid, String(sidecar.uid)],
  ];
  const overruled = fixed.filter(([key, value]) => annotations?.[key] !== undefined && annotations[key] !== value).map(([key]) => key);
  const off = ["false", "no", "disabled"].includes(annotations?.[annotation.transparentProxying] ?? "");
  return [...(off ? [annotation.transparentProxying] : []), ...overruled].map(
    (key) => `annotation '${key}' has no effect: the control plane's settings decide it for all pods`,
  );
}
