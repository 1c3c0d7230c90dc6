import { annotation, apiVersion, clusterKinds } from "@atoll/kubernetes";
import type { KubernetesObject } from "@atoll/kubernetes";
import { parseGoDuration } from "@atoll/resource";
import { controllerReference } from "../owner.ts";
import { defaultReplicas, gatewayInstanceSpec } from "./gateway-instance-spec.ts";
import { podSelector } from "./gateway-service.ts";

/** A container as injection makes it of sidecars: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container. */
export interface ProxyContainer {
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly securityContext?: { readonly capabilities?: { readonly drop?: readonly string[] }; readonly [field: string]: unknown };
  readonly resources?: unknown;
  readonly [field: string]: unknown;
}

export const gatewayContainerName = "kuma-gateway";

/** After this many seconds a pod that ends is killed, if nothing else is said: Kubernetes' own default. */
const defaultGraceSeconds = 30;

export interface DeploymentInput {
  readonly mesh: string;
  /** What its pods carry, `kuma.io/service` included. */
  readonly tags: Readonly<Record<string, string>>;
  readonly proxy: ProxyContainer;
  /** The Deployment as it is, if an autoscaler counts its pods. */
  readonly scaled?: KubernetesObject | undefined;
}

/** The Deployment of an instance's proxies. */
export function gatewayDeployment(instance: KubernetesObject, { mesh, tags, proxy, scaled }: DeploymentInput): KubernetesObject {
  const { replicas = defaultReplicas, podTemplate = {} } = gatewayInstanceSpec(instance);
  const { labels, annotations } = podTemplate.metadata ?? {};
  const { serviceAccountName, securityContext } = podTemplate.spec ?? {};
  const grace = graceSeconds(proxy);
  const adminPort = instance.metadata.annotations?.[annotation.envoyAdminPort];
  return {
    apiVersion: apiVersion(clusterKinds.deployment),
    kind: clusterKinds.deployment.kind,
    metadata: {
      name: instance.metadata.name,
      ...(instance.metadata.namespace !== undefined && { namespace: instance.metadata.namespace }),
      ownerReferences: [controllerReference(instance)],
    },
    spec: {
      replicas: (scaled?.spec as { replicas?: number } | undefined)?.replicas ?? replicas,
      selector: { matchLabels: podSelector(instance) },
      template: {
        metadata: {
          labels: { ...podSelector(instance), [annotation.sidecarInjection]: "disabled", [annotation.mesh]: mesh, ...labels },
          annotations: {
            [annotation.gateway]: "builtin",
            [annotation.tags]: JSON.stringify(sorted(tags)),
            ...(adminPort !== undefined && { [annotation.envoyAdminPort]: adminPort }),
            ...annotations,
          },
        },
        spec: {
          ...(serviceAccountName ? { serviceAccountName } : {}),
          ...(grace !== undefined && { terminationGracePeriodSeconds: grace }),
          securityContext: {
            // Listeners have the ports that users call, and Envoy has no privilege. Not every runtime heeds the capability below, nor every one this.
            sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
            ...(securityContext?.fsGroup !== undefined && { fsGroup: securityContext.fsGroup }),
          },
          containers: [gatewayContainer(instance, proxy)],
          volumes: [{ name: "tmp", emptyDir: {} }],
        },
      },
    },
  };
}

function gatewayContainer(instance: KubernetesObject, proxy: ProxyContainer): Record<string, unknown> {
  const { resources, podTemplate } = gatewayInstanceSpec(instance);
  const readOnly = podTemplate?.spec?.container?.securityContext?.readOnlyRootFilesystem;
  const { readOnlyRootFilesystem: _sidecars, ...securityContext } = proxy.securityContext ?? {};
  return {
    ...proxy,
    name: gatewayContainerName,
    env: [
      ...(proxy.env ?? []),
      {
        name: "KUMA_DATAPLANE_RESOURCES_MAX_MEMORY_BYTES",
        valueFrom: { resourceFieldRef: { containerName: gatewayContainerName, resource: "limits.memory" } },
      },
    ],
    resources: resources ?? proxy.resources,
    securityContext: {
      ...securityContext,
      allowPrivilegeEscalation: false,
      capabilities: { ...securityContext.capabilities, add: ["NET_BIND_SERVICE"] },
      ...(readOnly !== undefined && { readOnlyRootFilesystem: readOnly }),
    },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
}

/** A pod whose proxy drains for longer than the default grace gets the time for it. */
function graceSeconds({ env = [] }: ProxyContainer): number | undefined {
  const parsed = parseGoDuration(env.find(({ name }) => name === "KUMA_DATAPLANE_DRAIN_TIME")?.value ?? "");
  if ("error" in parsed) return undefined;
  const drainSeconds = Math.ceil(Number(parsed.nanoseconds) / 1e9);
  return drainSeconds > defaultGraceSeconds ? drainSeconds + 10 : undefined;
}

const sorted = (tags: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
