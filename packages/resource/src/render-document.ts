import { sortedLabels } from "./computed-labels.ts";
import { kindOf } from "./kinds.ts";
import type { Resource } from "./resource.ts";
import type { JsonObject } from "./schema/codec.ts";
import type { SecretSpec } from "./specs/secret.ts";
import { label } from "./tags.ts";

export type DocumentFormat = "universal" | "kubernetes";

/** Namespace of resources that Kubernetes keeps in one. */
const systemNamespace = "kuma-system";

/**
 * The written form of a resource, keys in the order in which clients know them.
 * Secrets must have been unsealed. A Kubernetes document carries no labels: what another cluster should compute is left out.
 */
export function renderDocument(resource: Resource, format: DocumentFormat = "universal", namespace: string = systemNamespace): JsonObject {
  return format === "universal" ? universal(resource) : kubernetes(resource, namespace);
}

function universal(resource: Resource): JsonObject {
  const kind = kindOf(resource.type);
  return {
    type: resource.type,
    ...(kind?.scope === "global" ? {} : { mesh: resource.mesh }),
    name: resource.name,
    creationTime: resource.creationTime,
    modificationTime: resource.modificationTime,
    ...(resource.labels && Object.keys(resource.labels).length > 0 ? { labels: sortedLabels(resource.labels) } : {}),
    ...(kind?.plugin && !kind.hasStatus ? { spec: resource.spec } : (resource.spec as JsonObject)),
  };
}

function kubernetes(resource: Resource, namespace: string): JsonObject {
  const kind = kindOf(resource.type);
  const inMesh = kind?.scope === "mesh";
  // Kubernetes' own Secret and the plugin kinds have no `mesh` field: a label says it.
  const isSecret = resource.type === "Secret" || resource.type === "GlobalSecret";
  const meshLabel = kind?.plugin || (inMesh && isSecret) ? { labels: { [label.mesh]: resource.mesh } } : {};
  const metadata = {
    name: resource.name,
    ...(kind?.namespaced ? { namespace } : {}),
    creationTimestamp: resource.creationTime.replace(/\.\d+/, ""),
    ...meshLabel,
  };
  if (isSecret) {
    const type = inMesh ? "system.kuma.io/secret" : "system.kuma.io/global-secret";
    return { kind: "Secret", apiVersion: "v1", metadata, data: { value: (resource.spec as SecretSpec).data ?? "" }, type };
  }
  return {
    kind: resource.type,
    apiVersion: "kuma.io/v1alpha1",
    metadata,
    ...(inMesh && !kind.plugin ? { mesh: resource.mesh } : {}),
    ...(kind?.hasStatus ? (resource.spec as JsonObject) : { spec: resource.spec }),
  };
}
