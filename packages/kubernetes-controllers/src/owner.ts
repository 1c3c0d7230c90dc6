import { apiVersion } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKind, OwnerReference } from "@atoll/kubernetes";
import type { OwnedKind } from "./controller.ts";

/** The reference that makes `owner` the one controller of an object, so that the cluster deletes it with its owner. */
export function controllerReference({ apiVersion: version, kind, metadata }: KubernetesObject): OwnerReference {
  return { apiVersion: version, kind, name: metadata.name, uid: metadata.uid ?? "", controller: true, blockOwnerDeletion: true };
}

/** Objects of a kind that belong to objects of `owner` in the same namespace, by their controller reference. */
export const ownedByReference = (kind: ObjectKind, owner: ObjectKind): OwnedKind => ({
  kind,
  ownerOf({ metadata }) {
    const reference = metadata.ownerReferences?.find((candidate) => candidate.controller === true);
    if (reference?.kind !== owner.kind || reference.apiVersion !== apiVersion(owner)) return undefined;
    return { ...(metadata.namespace !== undefined && { namespace: metadata.namespace }), name: reference.name };
  },
});
