import { annotation, readBoolean, readEnabled, readUint32, type Annotations } from "@atoll/kubernetes";
import { defaultConfig, defaultProxyUser } from "@atoll/transparent-proxy";
import { isGateway } from "./probe-annotations.ts";

/** Arguments of `install transparent-proxy` for a pod with these annotations: what differs from its defaults. @throws AnnotationError */
export function redirectArguments(annotations: Annotations): string[] {
  const { redirect, ipFamilyMode } = defaultConfig();
  const text = (key: string): string => annotations?.[key] ?? "";
  const unless = (byDefault: string | number, name: string, value: string | number): string[] =>
    String(value) === String(byDefault) ? [] : [`--${name}=${value}`];
  const port = (key: string): number => readUint32(annotations, key) ?? 0;
  const inbound = isGateway(annotations)
    ? ["--redirect-inbound=false"]
    : [
        ...unless(redirect.inbound.port, "redirect-inbound-port", port(annotation.redirectInboundPort)),
        ...unless("", "exclude-inbound-ports", inboundExclusions(annotations)),
        ...unless("", "exclude-inbound-ips", trimmed(text(annotation.excludeInboundIps))),
      ];
  const dns = readEnabled(annotations, annotation.dns)
    ? ["--redirect-all-dns-traffic", ...unless(redirect.dns.port, "redirect-dns-port", port(annotation.dnsPort))]
    : [];
  const forUids = annotations?.[annotation.excludeOutboundPortsForUids]?.split(";") ?? [];
  return [
    ...unless(defaultProxyUser.uid, "kuma-dp-user", text(annotation.sidecarUid)),
    ...unless(ipFamilyMode, "ip-family-mode", annotations?.[annotation.ipFamilyMode] ?? ipFamilyMode),
    ...unless(redirect.outbound.port, "redirect-outbound-port", port(annotation.redirectOutboundPort)),
    ...unless("", "exclude-outbound-ports", text(annotation.excludeOutboundPorts)),
    ...unless("", "exclude-outbound-ips", trimmed(text(annotation.excludeOutboundIps))),
    ...forUids.flatMap((rule) => unless("", "exclude-outbound-ports-for-uids", rule)),
    ...inbound,
    ...dns,
    ...ebpfArguments(annotations),
    ...(isOn(annotations, annotation.dropInvalidPackets) ? ["--drop-invalid-packets"] : []),
    ...(isOn(annotations, annotation.iptablesLogs) ? ["--iptables-logs"] : []),
    "--verbose",
  ];
}

/** The kubelet calls the probe proxy without a certificate. */
function inboundExclusions(annotations: Annotations): string {
  const ports = annotations?.[annotation.excludeInboundPorts] ?? "";
  const probes = annotations?.[annotation.probeProxyPort] ?? "0";
  return [ports, ...(probes === "0" ? [] : [probes])].filter((part) => part !== "").join(",");
}

/** A pod is not refused for these two. */
function isOn(annotations: Annotations, key: string): boolean {
  try {
    return readBoolean(annotations, key) ?? false;
  } catch {
    return false;
  }
}

const trimmed = (list: string): string =>
  list
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join(",");

function ebpfArguments(annotations: Annotations): string[] {
  if (!readEnabled(annotations, annotation.ebpf)) return [];
  const flag = (name: string, key: string): string[] => (annotations?.[key] ? [`--${name}=${annotations[key]}`] : []);
  const variable = annotations?.[annotation.ebpfInstanceIpVariable];
  return [
    "--ebpf-enabled",
    ...flag("ebpf-bpffs-path", annotation.ebpfBpfFsPath),
    ...flag("ebpf-cgroup-path", annotation.ebpfCgroupPath),
    ...flag("ebpf-tc-attach-iface", annotation.ebpfTcAttachInterface),
    ...flag("ebpf-programs-source-path", annotation.ebpfProgramsPath),
    ...(variable ? [`--ebpf-instance-ip=$(${variable})`] : []),
  ];
}
