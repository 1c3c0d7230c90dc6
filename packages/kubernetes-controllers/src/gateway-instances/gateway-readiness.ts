import type { KubernetesObject } from "@atoll/kubernetes";
import type { Condition, ConditionDraft } from "../conditions.ts";
import type { ServiceSpec } from "./gateway-service.ts";

export interface LoadBalancerStatus {
  readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
}

export interface GatewayInstanceStatus {
  readonly conditions?: readonly Condition[];
  readonly loadBalancer?: LoadBalancerStatus;
}

const type = "Ready";

export const noGatewayMatched = (mesh: string): ConditionDraft => ({
  type,
  status: "False",
  reason: "NoGatewayMatched",
  message: `No Gateway matched by tags in mesh: '${mesh}'`,
});

/** No Deployment can be made of what the instance asks for. */
export const notDeployable = (message: string): ConditionDraft => ({ type, status: "False", reason: "DeploymentNotAvailable", message });

/** Is the instance reachable: by the Deployment's own judgement, and by the address that its Service has. */
export function gatewayReadiness(service: KubernetesObject | undefined, deployment: KubernetesObject | undefined): ConditionDraft {
  const { conditions = [] } = (deployment?.status ?? {}) as { conditions?: { type: string; status: "True" | "False" | "Unknown" }[] };
  const available = conditions.find((condition) => condition.type === "Available");
  if (available && available.status !== "True") return { type, status: available.status, reason: "DeploymentNotAvailable" };
  return hasAddress(service) ? { type, status: "True", reason: "Ready" } : { type, status: "False", reason: "LoadBalancerAddressNotReady" };
}

export const loadBalancerStatus = (service: KubernetesObject | undefined): LoadBalancerStatus =>
  ((service?.status ?? {}) as { loadBalancer?: LoadBalancerStatus }).loadBalancer ?? {};

function hasAddress(service: KubernetesObject | undefined): boolean {
  const { type: serviceType, clusterIP, clusterIPs = clusterIP === undefined ? [] : [clusterIP] } = (service?.spec ?? {}) as ServiceSpec;
  if (serviceType === "LoadBalancer") return (loadBalancerStatus(service).ingress ?? []).length > 0;
  return clusterIPs.some((address) => address !== "" && address !== "None");
}
