/** What an object needs comes before it: the order in which Helm installs. https://helm.sh/docs/intro/using_helm/ */
const order = [
  "Namespace",
  "ResourceQuota",
  "LimitRange",
  "PodDisruptionBudget",
  "ServiceAccount",
  "Secret",
  "ConfigMap",
  "PersistentVolumeClaim",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "Role",
  "RoleBinding",
  "Service",
  "DaemonSet",
  "Deployment",
  "HorizontalPodAutoscaler",
  "StatefulSet",
  "Job",
  "Ingress",
  // Last of all: as soon as they are there, what they name has to answer.
  "GatewayClass",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
];

export interface InstalledObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const placeOf = ({ kind }: InstalledObject): number => (order.indexOf(kind) + order.length) % order.length;

/** Objects of the same kind keep their order by name. */
export const inInstallOrder = <T extends InstalledObject>(objects: readonly T[]): T[] =>
  objects.toSorted((a, b) => placeOf(a) - placeOf(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
