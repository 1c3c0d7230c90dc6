import type { ObjectKind } from "./kubernetes-object.ts";

function kind(groupVersion: string, name: string, plural: string, namespaced = true): ObjectKind {
  const slash = groupVersion.indexOf("/");
  return { group: groupVersion.slice(0, Math.max(slash, 0)), version: groupVersion.slice(slash + 1), kind: name, plural, namespaced };
}

/** The kinds that Kubernetes brings along and that Atoll reads or writes. */
export const clusterKinds = {
  namespace: kind("v1", "Namespace", "namespaces", false),
  node: kind("v1", "Node", "nodes", false),
  pod: kind("v1", "Pod", "pods"),
  service: kind("v1", "Service", "services"),
  secret: kind("v1", "Secret", "secrets"),
  configMap: kind("v1", "ConfigMap", "configmaps"),
  event: kind("v1", "Event", "events"),
  endpointSlice: kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
  deployment: kind("apps/v1", "Deployment", "deployments"),
  replicaSet: kind("apps/v1", "ReplicaSet", "replicasets"),
  job: kind("batch/v1", "Job", "jobs"),
  horizontalPodAutoscaler: kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  lease: kind("coordination.k8s.io/v1", "Lease", "leases"),
  mutatingWebhookConfiguration: kind(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    false,
  ),
  validatingWebhookConfiguration: kind(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    false,
  ),
  customResourceDefinition: kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
} as const;

/** The kinds of the Gateway API that Atoll carries out, in the versions that releases 1.0 to 1.4 serve: https://gateway-api.sigs.k8s.io/reference/spec/. */
export const gatewayApiKinds = {
  gatewayClass: kind("gateway.networking.k8s.io/v1", "GatewayClass", "gatewayclasses", false),
  gateway: kind("gateway.networking.k8s.io/v1", "Gateway", "gateways"),
  httpRoute: kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
  referenceGrant: kind("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", "referencegrants"),
} as const;

/** Kuma's kinds that exist on Kubernetes alone and are carried out there. */
export const gatewayKinds = {
  meshGatewayInstance: kind("kuma.io/v1alpha1", "MeshGatewayInstance", "meshgatewayinstances"),
  meshGatewayConfig: kind("kuma.io/v1alpha1", "MeshGatewayConfig", "meshgatewayconfigs", false),
} as const;

/** Patches of injected containers, which are no resource of the log either. */
export const containerPatchKind: ObjectKind = kind("kuma.io/v1alpha1", "ContainerPatch", "containerpatches");

/** `apiVersion` of an object of the kind. */
export const apiVersion = ({ group, version }: ObjectKind): string => (group === "" ? version : `${group}/${version}`);

/** Equal for equal kinds, whatever their version: `pods`, `meshes.kuma.io`. */
export const kindId = ({ group, plural }: Pick<ObjectKind, "group" | "plural">): string => (group === "" ? plural : `${plural}.${group}`);
