import { type Kind, kindOf, label, type ResourceDraft, sortedLabels } from "@atoll/resource";
import type { KubernetesObject } from "./kubernetes-object.ts";
import { objectKey } from "./object-name.ts";
import { group, hasMeshField, isSecretType, secretTypes, version } from "./resource-kinds.ts";

/** The object that carries a resource, as it is to be written; Secrets unsealed. Undefined: the type has no form in Kubernetes. */
export function objectOf(resource: ResourceDraft, systemNamespace: string): KubernetesObject | undefined {
  const kind = kindOf(resource.type);
  if (kind === undefined || kind.internal) return undefined;
  const metadata = { ...objectKey(kind, resource, systemNamespace), ...labelsAndAnnotations(kind, resource) };
  if (isSecretType(kind.type)) {
    const value = (resource.spec as { data?: string }).data ?? "";
    return { apiVersion: "v1", kind: "Secret", metadata, type: secretTypes[kind.type as keyof typeof secretTypes], data: { value } };
  }
  return {
    apiVersion: `${group}/${version}`,
    kind: kind.type,
    metadata,
    ...(hasMeshField(kind) && { mesh: resource.mesh }),
    ...content(kind, resource.spec),
  };
}

function content(kind: Kind, spec: unknown): { spec?: unknown; status?: unknown } {
  if (kind.type === "DataplaneInsight") return { status: spec };
  if (!kind.hasStatus) return { spec };
  const { spec: wanted, status } = spec as { spec: unknown; status?: unknown };
  return { spec: wanted, ...(status !== undefined && { status }) };
}

function labelsAndAnnotations(kind: Kind, resource: ResourceDraft): Pick<KubernetesObject["metadata"], "labels" | "annotations"> {
  const { [label.displayName]: displayName, ...labels } = resource.labels ?? {};
  if (kind.scope === "mesh" && resource.mesh !== "") labels[label.mesh] = resource.mesh;
  return {
    ...(Object.keys(labels).length > 0 && { labels: sortedLabels(labels) }),
    ...(displayName !== undefined && { annotations: { [label.displayName]: displayName } }),
  };
}
