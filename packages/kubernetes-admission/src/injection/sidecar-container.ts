import {
  annotation,
  readDurationNs,
  readEnabled,
  readMap,
  readUint32,
  sidecarContainer,
  type Annotations,
  type Container,
} from "@atoll/kubernetes";
import { formatGoDuration, parseGoDuration } from "@atoll/resource";
import { probeProxyPortOf, virtualProbesEnabled } from "./probe-annotations.ts";
import type { InjectionSettings, ProbeTimes } from "./settings.ts";

/** Where Kubernetes mounts the token of a pod's service account. */
export const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";

type Settings = Pick<
  InjectionSettings,
  "caCertPem" | "controlPlaneUrl" | "dns" | "envoyAdminPort" | "nativeSidecars" | "probeProxyPort" | "sidecar" | "virtualProbes"
>;

/**
 * The container that runs the proxy, for a pod with these annotations or for what makes such pods. Volumes are the caller's.
 * @throws AnnotationError, InjectionError
 */
export function proxyContainer(annotations: Annotations, mesh: string, settings: Settings): Container {
  const { sidecar, envoyAdminPort } = settings;
  const concurrency = readUint32(annotations, annotation.sidecarConcurrency) ?? Math.max(2, Math.floor(cpus(sidecar.resources.limits.cpu)));
  const adminPort = readUint32(annotations, annotation.envoyAdminPort) || envoyAdminPort;
  const waits = readEnabled(annotations, annotation.waitForDataplaneReady) ?? sidecar.waitForDataplaneReady;
  const ready = (times: ProbeTimes) => ({ httpGet: { path: "/ready", port: adminPort }, ...given(times) });
  return {
    name: sidecarContainer,
    image: sidecar.image,
    imagePullPolicy: "IfNotPresent",
    // 0 leaves it to Envoy.
    args: ["run", "--log-level=info", ...(concurrency > 0 ? [`--concurrency=${concurrency}`] : [])],
    env: environment(annotations, mesh, settings),
    securityContext: { runAsUser: sidecar.uid, runAsGroup: sidecar.gid, capabilities: { drop: ["ALL"] } },
    livenessProbe: ready({ ...sidecar.livenessProbe, successThreshold: 1 }),
    readinessProbe: ready(sidecar.readinessProbe),
    ...(settings.nativeSidecars && { startupProbe: ready({ ...sidecar.startupProbe, successThreshold: 1 }) }),
    resources: {
      requests: { ...sidecar.resources.requests, "ephemeral-storage": "50M" },
      limits: { ...sidecar.resources.limits, "ephemeral-storage": "1G" },
    },
    ...(waits && {
      lifecycle: { postStart: { exec: { command: ["kuma-dp", "wait", "--url", `http://localhost:${adminPort}/ready`] } } },
    }),
  };
}

/** Cores of a CPU quantity ("1100m", "2"). */
const cpus = (quantity: string): number => (quantity.endsWith("m") ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity));

const given = (times: ProbeTimes): Partial<ProbeTimes> => Object.fromEntries(Object.entries(times).filter(([, value]) => value !== 0));

interface Variable {
  readonly value?: string;
  readonly valueFrom?: object;
}

/** Sorted by name; what the annotation says counts most, then what the settings say. */
function environment(annotations: Annotations, mesh: string, settings: Settings): object[] {
  const { sidecar, dns, controlPlaneUrl, caCertPem } = settings;
  const ofPod = (fieldPath: string): Variable => ({ valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } });
  const virtualProbes = virtualProbesEnabled(annotations, settings.virtualProbes.enabled);
  const variables: Record<string, Variable> = {
    POD_NAME: ofPod("metadata.name"),
    POD_NAMESPACE: ofPod("metadata.namespace"),
    INSTANCE_IP: ofPod("status.podIP"),
    KUMA_CONTROL_PLANE_URL: { value: controlPlaneUrl },
    KUMA_CONTROL_PLANE_CA_CERT: { value: caCertPem },
    KUMA_DATAPLANE_MESH: { value: mesh },
    KUMA_DATAPLANE_DRAIN_TIME: { value: drainTime(annotations, sidecar.drainTime) },
    KUMA_DATAPLANE_RUNTIME_TOKEN_PATH: { value: `${tokenPath}/token` },
    KUMA_DNS_ENABLED: { value: String(dns.enabled) },
    ...(dns.enabled && {
      KUMA_DNS_ENABLE_LOGGING: { value: String(dns.logging) },
      KUMA_DNS_CORE_DNS_PORT: { value: String(dns.port) },
      KUMA_DNS_ENVOY_DNS_PORT: { value: String(dns.port + 2) },
      KUMA_DNS_CORE_DNS_BINARY_PATH: { value: "coredns" },
    }),
    KUMA_APPLICATION_PROBE_PROXY_PORT: {
      value: String(probeProxyPortOf(annotations, { virtualProbes, byDefault: settings.probeProxyPort })),
    },
    ...ofAnnotation(annotations, annotation.envoyLogLevel, "KUMA_DATAPLANE_RUNTIME_ENVOY_LOG_LEVEL"),
    ...ofAnnotation(annotations, annotation.envoyComponentLogLevel, "KUMA_DATAPLANE_RUNTIME_ENVOY_COMPONENT_LOG_LEVEL"),
    ...texts(sidecar.env),
    ...texts(readMap(annotations, annotation.sidecarEnv) ?? {}),
  };
  return Object.entries(variables)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, variable]) => ({ name, ...variable }));
}

const texts = (values: Readonly<Record<string, string>>): Record<string, Variable> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));

const ofAnnotation = (annotations: Annotations, key: string, name: string): Record<string, Variable> =>
  annotations?.[key] === undefined ? {} : { [name]: { value: annotations[key] } };

function drainTime(annotations: Annotations, byDefault: string): string {
  const parsed = parseGoDuration(byDefault);
  if ("error" in parsed) throw new RangeError(`drain time of sidecars: ${parsed.error}`);
  return formatGoDuration(readDurationNs(annotations, annotation.sidecarDrainTime) ?? parsed.nanoseconds);
}
