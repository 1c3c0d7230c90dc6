import type { IpFamilyMode } from "@atoll/transparent-proxy";

/** What pods get beside their application, as the control plane's settings have it; annotations of a pod count more where they say the same. */
export interface InjectionSettings {
  /** Where proxies ask for their configuration, and the PEM that they verify it with. */
  readonly controlPlaneUrl: string;
  readonly caCertPem: string;
  /** Where ContainerPatches and the ConfigMap of `transparentProxyConfigMap` are. */
  readonly systemNamespace: string;
  readonly envoyAdminPort: number;
  /** Proxies as init containers that go on running, which the kubelet starts first and ends last: Kubernetes 1.29 and later. */
  readonly nativeSidecars: boolean;
  /** A CNI plugin redirects the traffic; the init container only checks that it did. */
  readonly cni: boolean;
  readonly sidecar: SidecarSettings;
  readonly initImage: string;
  /** ContainerPatches that every pod gets, before those that it names. */
  readonly containerPatches: readonly string[];
  /** HTTP probes through a listener of Envoy, for pods whose probe proxy is off. */
  readonly virtualProbes: { readonly enabled: boolean; readonly port: number };
  /** Where the proxy carries out the probes of the application; 0 = nowhere. */
  readonly probeProxyPort: number;
  readonly exclude: {
    readonly inboundPorts: readonly number[];
    readonly outboundPorts: readonly number[];
    readonly inboundIps: readonly string[];
    readonly outboundIps: readonly string[];
  };
  /** Pods with one of these labels get nothing; "*" = whatever its value. */
  readonly exceptions: Readonly<Record<string, string>>;
  readonly dns: { readonly enabled: boolean; readonly port: number; readonly logging: boolean };
  readonly ebpf: EbpfSettings;
  /** Name of the ConfigMap that says what is redirected; "" = the settings above do. */
  readonly transparentProxyConfigMap: string;
}

export interface SidecarSettings {
  readonly image: string;
  readonly uid: number;
  readonly gid: number;
  /** Go's notation. */
  readonly drainTime: string;
  readonly env: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<"requests" | "limits", { readonly cpu: string; readonly memory: string }>>;
  readonly readinessProbe: ProbeTimes;
  readonly livenessProbe: ProbeTimes;
  readonly startupProbe: ProbeTimes;
  readonly ipFamilyMode: IpFamilyMode;
  readonly redirectInboundPort: number;
  readonly redirectOutboundPort: number;
  /** Hold back the containers after the proxy until Envoy is ready. */
  readonly waitForDataplaneReady: boolean;
}

/** 0 = Kubernetes' own default. */
export interface ProbeTimes {
  readonly initialDelaySeconds: number;
  readonly timeoutSeconds: number;
  readonly periodSeconds: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export interface EbpfSettings {
  readonly enabled: boolean;
  readonly instanceIpVariable: string;
  readonly bpfFsPath: string;
  readonly cgroupPath: string;
  readonly tcAttachInterface: string;
  readonly programsPath: string;
}

export const defaultInjectionSettings: Omit<InjectionSettings, "controlPlaneUrl" | "caCertPem"> = {
  systemNamespace: "kuma-system",
  envoyAdminPort: 9901,
  nativeSidecars: false,
  cni: false,
  sidecar: {
    image: "atoll-dp:latest",
    uid: 5678,
    gid: 5678,
    drainTime: "30s",
    env: {},
    resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "1000m", memory: "512Mi" } },
    readinessProbe: { initialDelaySeconds: 1, timeoutSeconds: 3, periodSeconds: 5, successThreshold: 1, failureThreshold: 12 },
    livenessProbe: { initialDelaySeconds: 60, timeoutSeconds: 3, periodSeconds: 5, successThreshold: 1, failureThreshold: 12 },
    startupProbe: { initialDelaySeconds: 1, timeoutSeconds: 3, periodSeconds: 5, successThreshold: 1, failureThreshold: 12 },
    ipFamilyMode: "dualstack",
    redirectInboundPort: 15_006,
    redirectOutboundPort: 15_001,
    waitForDataplaneReady: false,
  },
  initImage: "atoll-init:latest",
  containerPatches: [],
  virtualProbes: { enabled: true, port: 9000 },
  probeProxyPort: 9001,
  exclude: { inboundPorts: [], outboundPorts: [], inboundIps: [], outboundIps: [] },
  // OpenShift makes these pods for its own ends.
  exceptions: { "openshift.io/build.name": "*", "openshift.io/deployer-pod-for.name": "*" },
  dns: { enabled: true, port: 15_053, logging: false },
  ebpf: {
    enabled: false,
    instanceIpVariable: "INSTANCE_IP",
    bpfFsPath: "/sys/fs/bpf",
    cgroupPath: "/sys/fs/cgroup",
    tcAttachInterface: "",
    programsPath: "/tmp/kuma-ebpf",
  },
  transparentProxyConfigMap: "",
};
