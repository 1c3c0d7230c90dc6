import { annotation, clusterKinds, readEnabled, type KubernetesObject, type Service } from "@atoll/kubernetes";
import type { Controller, Desired } from "../controller.ts";
import { keyOf, keysOf, isIgnored } from "./pod-services.ts";

/**
 * Tells ingress controllers that serve as delegated gateways to call a Service by its cluster address instead of calling its pods by theirs: only of
 * that address does the proxy beside them know what it is.
 */
export const serviceUpstreamController: Controller = {
  name: "service-upstream",
  reconciles: clusterKinds.service,
  owns: [],
  watches: [
    {
      kind: clusterKinds.namespace,
      concerns: ({ metadata }, cluster) => keysOf(cluster.objects(clusterKinds.service, metadata.name)),
    },
  ],
  reconcile(object, cluster): Desired | undefined {
    const service = object as Service;
    const { annotations } = service.metadata;
    if (annotations?.[annotation.gateway] === "builtin" || service.spec.type === "ExternalName" || isIgnored(service)) return undefined;
    const namespace = cluster.object(clusterKinds.namespace, { name: service.metadata.namespace ?? "" });
    if (!isInjected(namespace)) return undefined;
    const upstream = { [annotation.serviceUpstream]: "true", [annotation.nginxServiceUpstream]: "true" };
    return { objects: [{ apiVersion: "v1", kind: "Service", metadata: { ...keyOf(service), annotations: upstream } }] };
  },
};

function isInjected(namespace: KubernetesObject | undefined): boolean {
  try {
    return readEnabled(namespace?.metadata.labels, annotation.sidecarInjection) ?? false;
  } catch {
    return false;
  }
}
