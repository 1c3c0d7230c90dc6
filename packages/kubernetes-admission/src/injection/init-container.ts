import type { Container } from "@atoll/kubernetes";
import type { InjectionSettings } from "./settings.ts";

export const volumes = { init: "kuma-init-tmp", sidecar: "kuma-sidecar-tmp", cgroup: "sys-fs-cgroup", bpfFs: "bpf-fs" } as const;

const resources = { limits: { cpu: "100m", memory: "50M" }, requests: { cpu: "20m", memory: "20M" } };

/** Makes the rules that redirect the pod's traffic, before anything else of it starts. */
export function initContainer(args: readonly string[], { initImage, ebpf }: Pick<InjectionSettings, "initImage" | "ebpf">): Container {
  const container: Container = {
    name: "kuma-init",
    image: initImage,
    imagePullPolicy: "IfNotPresent",
    command: ["/usr/bin/kumactl", "install", "transparent-proxy"],
    args,
    // iptables locks a file, and nothing but /tmp can be written.
    env: [{ name: "XTABLES_LOCKFILE", value: "/tmp/xtables.lock" }],
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      capabilities: { add: ["NET_ADMIN", "NET_RAW"], drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    },
    resources,
    volumeMounts: [{ name: volumes.init, mountPath: "/tmp" }],
  };
  if (!ebpf.enabled) return container;
  return {
    ...container,
    env: [{ name: ebpf.instanceIpVariable, valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
    securityContext: { ...container.securityContext, capabilities: {}, privileged: true },
    resources: { ...resources, limits: { cpu: "100m", memory: "80M" } },
    volumeMounts: [
      ...(container.volumeMounts ?? []),
      { name: volumes.cgroup, mountPath: ebpf.cgroupPath },
      { name: volumes.bpfFs, mountPath: ebpf.bpfFsPath, mountPropagation: "Bidirectional" },
    ],
  };
}

/** Ends only when what a CNI plugin did redirects traffic. */
export function validationContainer(
  { ipFamilyMode, inboundPort }: { ipFamilyMode: string; inboundPort: number },
  { initImage, sidecar }: Pick<InjectionSettings, "initImage" | "sidecar">,
): Container {
  return {
    name: "kuma-validation",
    image: initImage,
    imagePullPolicy: "IfNotPresent",
    command: ["/usr/bin/kumactl", "install", "transparent-proxy-validator"],
    args: [
      ...["--config-file", "/tmp/.kumactl"],
      ...["--ip-family-mode", ipFamilyMode],
      ...["--validation-server-port", String(inboundPort)],
    ],
    securityContext: {
      runAsUser: sidecar.uid,
      runAsGroup: sidecar.gid,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    },
    resources,
    volumeMounts: [{ name: volumes.sidecar, mountPath: "/tmp" }],
  };
}
