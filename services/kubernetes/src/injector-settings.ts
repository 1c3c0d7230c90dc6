import { readFileSync } from "node:fs";
import { defaultInjectionSettings, type InjectionSettings } from "@atoll/kubernetes-admission";
import { expandPath } from "@atoll/runtime";
import { z } from "zod";
import type { KubernetesSettings } from "./settings.ts";

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);
const port = z.int().min(0).max(65_535);
const ports = z.array(port).default([]);
const texts = z.array(z.string()).default([]);
const { sidecar, dns, ebpf, exceptions } = defaultInjectionSettings;

const probe = (defaults: typeof sidecar.readinessProbe) =>
  section({
    initialDelaySeconds: z.int().min(0).default(defaults.initialDelaySeconds),
    timeoutSeconds: z.int().min(0).default(defaults.timeoutSeconds),
    periodSeconds: z.int().min(0).default(defaults.periodSeconds),
    successThreshold: z.int().min(0).default(defaults.successThreshold),
    failureThreshold: z.int().min(0).default(defaults.failureThreshold),
  });
const quantities = ({ cpu, memory }: { cpu: string; memory: string }) =>
  section({ cpu: z.string().default(cpu), memory: z.string().default(memory) });

/** What pods get beside their application. */
export const injectorSettings = section({
  /** PEM that proxies verify the xDS servers with. */
  caCertFile: z.string().optional(),
  /** Where Envoy carries out the probes of applications, for pods whose probe proxy is off. */
  virtualProbesEnabled: z.boolean().default(true),
  virtualProbesPort: port.default(9000),
  /** Where the proxy carries them out; 0: nowhere. */
  applicationProbeProxyPort: port.default(9001),
  cniEnabled: z.boolean().default(false),
  containerPatches: texts,
  ignoredServiceSelectorLabels: texts,
  nodeLabelsToCopy: z.array(z.string()).default(["topology.kubernetes.io/zone", "topology.kubernetes.io/region", "kubernetes.io/hostname"]),
  /** ConfigMap that says what is redirected; empty: these settings do. */
  transparentProxyConfigMap: z.string().default(""),
  exceptions: section({ labels: z.record(z.string(), z.string()).default({ ...exceptions }) }),
  sidecarTraffic: section({ excludeInboundPorts: ports, excludeOutboundPorts: ports, excludeInboundIPs: texts, excludeOutboundIPs: texts }),
  initContainer: section({ image: z.string().default(defaultInjectionSettings.initImage) }),
  sidecarContainer: section({
    image: z.string().default(sidecar.image),
    uid: z.int().min(0).default(sidecar.uid),
    gid: z.int().min(0).default(sidecar.gid),
    adminPort: port.default(defaultInjectionSettings.envoyAdminPort),
    drainTime: z.string().default(sidecar.drainTime),
    envVars: z.record(z.string(), z.string()).default({}),
    redirectPortInbound: port.default(sidecar.redirectInboundPort),
    redirectPortOutbound: port.default(sidecar.redirectOutboundPort),
    ipFamilyMode: z.enum(["dualstack", "ipv4"]).default("dualstack"),
    waitForDataplaneReady: z.boolean().default(sidecar.waitForDataplaneReady),
    readinessProbe: probe(sidecar.readinessProbe),
    livenessProbe: probe(sidecar.livenessProbe),
    startupProbe: probe(sidecar.startupProbe),
    resources: section({ requests: quantities(sidecar.resources.requests), limits: quantities(sidecar.resources.limits) }),
  }),
  builtinDNS: section({
    enabled: z.boolean().default(dns.enabled),
    port: port.default(dns.port),
    logging: z.boolean().default(dns.logging),
  }),
  ebpf: section({
    enabled: z.boolean().default(ebpf.enabled),
    instanceIPEnvVarName: z.string().default(ebpf.instanceIpVariable),
    bpffsPath: z.string().default(ebpf.bpfFsPath),
    cgroupPath: z.string().default(ebpf.cgroupPath),
    tcAttachIface: z.string().default(ebpf.tcAttachInterface),
    programsSourcePath: z.string().default(ebpf.programsPath),
  }),
});

/** The settings as injection has them. */
export function injectionSettings({ runtime, store, experimental }: KubernetesSettings): InjectionSettings {
  const { injector, controlPlaneServiceName } = runtime.kubernetes;
  const { systemNamespace } = store.kubernetes;
  const { sidecarContainer: container, sidecarTraffic, builtinDNS, ebpf: programs } = injector;
  return {
    controlPlaneUrl: `https://${controlPlaneServiceName}.${systemNamespace}:5678`,
    caCertPem: injector.caCertFile === undefined ? "" : readFileSync(expandPath(injector.caCertFile), "utf8"),
    systemNamespace,
    envoyAdminPort: container.adminPort,
    nativeSidecars: experimental.sidecarContainers,
    cni: injector.cniEnabled,
    sidecar: {
      image: container.image,
      uid: container.uid,
      gid: container.gid,
      drainTime: container.drainTime,
      env: container.envVars,
      resources: container.resources,
      readinessProbe: container.readinessProbe,
      livenessProbe: container.livenessProbe,
      startupProbe: container.startupProbe,
      ipFamilyMode: container.ipFamilyMode,
      redirectInboundPort: container.redirectPortInbound,
      redirectOutboundPort: container.redirectPortOutbound,
      waitForDataplaneReady: container.waitForDataplaneReady,
    },
    initImage: injector.initContainer.image,
    containerPatches: injector.containerPatches,
    virtualProbes: { enabled: injector.virtualProbesEnabled, port: injector.virtualProbesPort },
    probeProxyPort: injector.applicationProbeProxyPort,
    exclude: {
      inboundPorts: sidecarTraffic.excludeInboundPorts,
      outboundPorts: sidecarTraffic.excludeOutboundPorts,
      inboundIps: sidecarTraffic.excludeInboundIPs,
      outboundIps: sidecarTraffic.excludeOutboundIPs,
    },
    exceptions: injector.exceptions.labels,
    dns: builtinDNS,
    ebpf: {
      enabled: programs.enabled,
      instanceIpVariable: programs.instanceIPEnvVarName,
      bpfFsPath: programs.bpffsPath,
      cgroupPath: programs.cgroupPath,
      tcAttachInterface: programs.tcAttachIface,
      programsPath: programs.programsSourcePath,
    },
    transparentProxyConfigMap: injector.transparentProxyConfigMap,
  };
}
