import { apiVersion } from "@atoll/kubernetes";
import type { KubernetesObject } from "@atoll/kubernetes";
import type { Resource } from "@atoll/resource";
import type { ClusterView } from "../src/controller.ts";

/** A cluster that holds these objects; where a namespace is only named, it is there, too. */
export function clusterOf(objects: readonly KubernetesObject[], resources: readonly Resource[] = []): ClusterView {
  const named = new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []));
  for (const { kind, metadata } of objects) if (kind === "Namespace") named.delete(metadata.name);
  const all = [...objects, ...[...named].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }))];
  const ofKind = (kind: Parameters<ClusterView["object"]>[0]) =>
    all.filter((object) => object.kind === kind.kind && object.apiVersion === apiVersion(kind));
  return {
    object: (kind, { namespace, name }) =>
      ofKind(kind).find(({ metadata }) => metadata.name === name && (!kind.namespaced || metadata.namespace === namespace)),
    objects: (kind, namespace) => ofKind(kind).filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
    resources: (type, mesh) => resources.filter((resource) => resource.type === type && (mesh === undefined || resource.mesh === mesh)),
  };
}
