import { clusterKinds, type KubernetesObject, type ObjectKey, type ObjectKind, type Pod } from "@atoll/kubernetes";
import type { ClusterView } from "../controller.ts";
import { namespaceOf } from "./pod-services.ts";

/** Kinds that others make on behalf of what users write. */
const between: readonly { readonly kind: ObjectKind; readonly madeBy: string }[] = [
  { kind: clusterKinds.replicaSet, madeBy: "Deployment" },
  { kind: clusterKinds.job, madeBy: "CronJob" },
];

export interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** What users know a pod by that is of no Service: the Deployment, CronJob or other workload that it belongs to. @throws if the watches have not seen an owner yet */
export function ownerOf(pod: Pod, lookUp: (kind: ObjectKind, key: ObjectKey) => KubernetesObject | undefined): Owner {
  for (const { kind, name } of pod.metadata.ownerReferences ?? []) {
    const link = between.find((candidate) => candidate.kind.kind === kind);
    if (link === undefined) return { kind, name };
    const object = lookUp(link.kind, { ...namespaceOf(pod), name });
    if (object === undefined) throw new Error(`${kind} ${pod.metadata.namespace}/${name}, which the pod belongs to, is not found`);
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return { kind, name };
    const maker = owners.find((owner) => owner.kind === link.madeBy);
    if (maker) return { kind: maker.kind, name: maker.name };
  }
  return { kind: "Pod", name: pod.metadata.name };
}

/** Pods that wait for an owner to be seen. */
export function* podsOwnedBy(object: KubernetesObject, cluster: ClusterView): Iterable<Pod> {
  for (const pod of cluster.objects(clusterKinds.pod, object.metadata.namespace) as Iterable<Pod>) {
    if (pod.metadata.ownerReferences?.some(({ uid, kind }) => uid === object.metadata.uid && kind === object.kind)) yield pod;
  }
}
