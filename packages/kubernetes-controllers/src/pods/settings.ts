/** How a zone on Kubernetes reads its pods and Services. */
export interface PodSettings {
  readonly zone: string;
  /** Where the control plane runs; ingresses and egresses run nowhere else. */
  readonly systemNamespace: string;
  /** Labels in the selector of a Service that do not count: with a pod that matches all others it has an inbound, out of service. */
  readonly ignoredServiceSelectorLabels: readonly string[];
  /** Labels of nodes that become tags of what runs on them. */
  readonly nodeLabelsToCopy: readonly string[];
  /** Write the addresses of Services into each Dataplane instead of giving them names: costs a write of every Dataplane for each Service. */
  readonly embeddedOutbounds: boolean;
}

export const defaultNodeLabels = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region", "kubernetes.io/hostname"];
