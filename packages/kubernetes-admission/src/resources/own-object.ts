import { documentOf, isCopy, isSecretType, type KubernetesObject, resourceOfObject } from "@atoll/kubernetes";
import type { AdmissionPlace } from "./judge-operation.ts";
import { type AdmissionRequest, type AdmissionVerdict, allowed, errored, invalid } from "./review.ts";

export interface OwnerLookup {
  /** The object of a Mesh, or of a Dataplane, as the cluster has it now. */
  owner(kind: "Mesh" | "Dataplane", key: { name: string; namespace?: string }): KubernetesObject | undefined;
  readonly skipMeshOwnerReference: boolean;
}

/** What is in a mesh belongs to its Mesh, so that the cluster deletes it with it; copies come and go with their originals. */
export function ownObject({ object }: AdmissionRequest, place: AdmissionPlace, lookup: OwnerLookup): AdmissionVerdict {
  const kind = object ? resourceOfObject(object) : undefined;
  if (!object || kind === undefined || isSecretType(kind.type)) return errored(400, `unknown kind ${object?.kind ?? ""}`);
  // A MeshService belongs to its Service.
  if (kind.type === "MeshService") return allowed;
  if (kind.type === "DataplaneInsight") {
    const { name, namespace } = object.metadata;
    return owned(object, "Dataplane", lookup.owner("Dataplane", { name, ...(namespace !== undefined && { namespace }) }));
  }
  if (lookup.skipMeshOwnerReference || kind.scope !== "mesh") return allowed;
  const { mesh } = documentOf(object)!;
  if (mesh === "") return invalid(object, [{ field: "mesh", reason: "cannot be empty" }]);
  if (isCopy(object, place.mode === "standalone" ? { ...place, mode: "zone" } : place)) return allowed;
  return owned(object, "Mesh", lookup.owner("Mesh", { name: mesh }), mesh);
}

function owned(object: KubernetesObject, kind: string, owner: KubernetesObject | undefined, name = object.metadata.name): AdmissionVerdict {
  if (owner === undefined) return errored(400, `${kind === "Mesh" ? "meshes" : "dataplanes"}.kuma.io ${JSON.stringify(name)} not found`);
  const reference = { apiVersion: "kuma.io/v1alpha1", kind, name: owner.metadata.name, uid: owner.metadata.uid ?? "" };
  const others = (object.metadata.ownerReferences ?? []).filter((one) => one.kind !== kind || one.name !== reference.name);
  return { allowed: true, object: { ...object, metadata: { ...object.metadata, ownerReferences: [...others, reference] } } };
}
