import { annotation, apiVersion, clusterKinds } from "@atoll/kubernetes";
import type { KubernetesObject } from "@atoll/kubernetes";
import type { MeshGatewaySpec } from "@atoll/resource";
import { controllerReference } from "../owner.ts";
import { defaultServiceType, gatewayInstanceSpec } from "./gateway-instance-spec.ts";

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/, as far as gateways use it. */
export interface ServicePort {
  readonly name?: string;
  readonly protocol?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
}

export interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ports?: readonly ServicePort[];
}

/** What selects the pods of an instance. Selectors of a Deployment cannot change, so neither can this. */
export const podSelector = ({ metadata }: KubernetesObject): Record<string, string> => ({ app: metadata.name });

/**
 * The Service in front of an instance's pods: a port for each that its gateway listens on. While no gateway matches, a Service that is there keeps its
 * ports, so that a MeshGateway which is renamed costs no traffic.
 */
export function gatewayService(
  instance: KubernetesObject,
  gateway: MeshGatewaySpec | undefined,
  present: KubernetesObject | undefined,
): KubernetesObject {
  const { serviceType = defaultServiceType, serviceTemplate = {} } = gatewayInstanceSpec(instance);
  const { labels, annotations } = serviceTemplate.metadata ?? {};
  const loadBalancerIP = serviceTemplate.spec?.loadBalancerIP;
  const { ports: before = [] } = (present?.spec ?? {}) as ServiceSpec;
  const numbers = gateway === undefined ? before.map(({ port }) => port) : new Set(gateway.conf.listeners.map(({ port }) => port));
  return {
    apiVersion: apiVersion(clusterKinds.service),
    kind: clusterKinds.service.kind,
    metadata: {
      name: instance.metadata.name,
      ...(instance.metadata.namespace !== undefined && { namespace: instance.metadata.namespace }),
      ...(labels && { labels }),
      annotations: { [annotation.gateway]: "builtin", ...annotations },
      ownerReferences: [controllerReference(instance)],
    },
    spec: {
      type: serviceType,
      selector: podSelector(instance),
      ports: [...numbers].map((port) => ({
        name: String(port),
        protocol: "TCP",
        port,
        targetPort: port,
        // Whoever asks for node ports calls the nodes at the listeners' ports.
        ...(serviceType === "NodePort" && { nodePort: port }),
      })),
      ...(loadBalancerIP ? { loadBalancerIP } : {}),
    },
  };
}
