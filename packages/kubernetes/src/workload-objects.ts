import type { KubernetesObject } from "./kubernetes-object.ts";

/** Pods, Services and their like as far as Atoll reads them: https://kubernetes.io/docs/reference/kubernetes-api/. */

/** A port by its number or its name. */
export type PortReference = number | string;

export interface Pod extends KubernetesObject {
  readonly spec: PodSpec;
  readonly status?: PodStatus;
}

export interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly [source: string]: unknown }[];
  readonly nodeName?: string;
  readonly restartPolicy?: "Always" | "OnFailure" | "Never";
  readonly [field: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly ports?: readonly ContainerPort[];
  readonly restartPolicy?: string;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly volumeMounts?: readonly VolumeMount[];
  readonly securityContext?: { readonly runAsUser?: number; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly [field: string]: unknown;
}

export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

export interface Probe {
  readonly httpGet?: HttpGetAction;
  readonly tcpSocket?: { readonly port: PortReference; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string | null };
  readonly timeoutSeconds?: number;
  readonly [field: string]: unknown;
}

export interface HttpGetAction {
  readonly path?: string;
  readonly port: PortReference;
  readonly host?: string;
  readonly scheme?: string;
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
}

export interface PodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly podIP?: string;
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly state?: { readonly terminated?: { readonly exitCode: number }; readonly [state: string]: unknown };
}

export interface Service extends KubernetesObject {
  readonly spec: {
    readonly type?: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
    /** "None" = headless. */
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] } };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  /** Absent = `port`. */
  readonly targetPort?: PortReference;
  readonly protocol?: string;
  readonly appProtocol?: string;
  readonly nodePort?: number;
}

export interface EndpointSlice extends KubernetesObject {
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly targetRef?: {
          readonly kind?: string;
          readonly apiVersion?: string;
          readonly name?: string;
          readonly namespace?: string;
          readonly uid?: string;
        };
      }[]
    | null;
}

export interface Node extends KubernetesObject {
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

export interface Namespace extends KubernetesObject {
  readonly status?: { readonly phase?: string };
}

/** Which Service an EndpointSlice is of. */
export const serviceNameLabel = "kubernetes.io/service-name";

/** Container that runs the proxy, whoever injected it. */
export const sidecarContainer = "kuma-sidecar";

/** Containers whose traffic the proxy sees, native sidecars among them: those that start before the proxy do without. */
export function applicationContainers({ initContainers = [], containers = [] }: PodSpec): Container[] {
  const after = initContainers.findIndex(({ name }) => name === sidecarContainer);
  const native = after < 0 ? [] : initContainers.slice(after + 1).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...native, ...containers].filter(({ name }) => name !== sidecarContainer);
}

/** Whether the labels are all that a selector asks for; a selector that asks for nothing matches all. */
export const isSelected = (
  labels: Readonly<Record<string, string>> | undefined,
  selector: Readonly<Record<string, string>> = {},
): boolean => Object.entries(selector).every(([key, value]) => labels?.[key] === value);
