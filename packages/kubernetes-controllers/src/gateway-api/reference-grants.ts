import { gatewayApiKinds } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import type { ClusterView } from "../controller.ts";
import { gatewayApiGroup, grantSpec } from "./gateway-api-objects.ts";

/** A reference from an object of the Gateway API. */
export interface CheckedReference {
  readonly from: { readonly kind: "Gateway" | "HTTPRoute"; readonly namespace: string };
  readonly to: { readonly group: string; readonly kind: string; readonly name: string; readonly namespace: string };
}

/** May it refer to that? Within a namespace always, to another one if a ReferenceGrant there says so. */
export function isReferencePermitted({ from, to }: CheckedReference, cluster: ClusterView): boolean {
  if (from.namespace === to.namespace) return true;
  return [...cluster.objects(gatewayApiKinds.referenceGrant, to.namespace)].some((grant) => {
    const { from: givers = [], to: targets = [] } = grantSpec(grant);
    return (
      givers.some(({ group, kind, namespace }) => group === gatewayApiGroup && kind === from.kind && namespace === from.namespace) &&
      targets.some(({ group, kind, name }) => group === to.group && kind === to.kind && (!name || name === to.name))
    );
  });
}

/** The objects of a kind whose references a grant may be for. */
export function* concernedByGrant(grant: KubernetesObject, kind: "gateway" | "httpRoute", cluster: ClusterView): Iterable<ObjectKey> {
  const objectKind = gatewayApiKinds[kind];
  for (const from of grantSpec(grant).from ?? []) {
    if (from.group !== gatewayApiGroup || from.kind !== objectKind.kind) continue;
    for (const { metadata } of cluster.objects(objectKind, from.namespace)) yield { namespace: from.namespace, name: metadata.name };
  }
}

/** `kind.group` as Kubernetes writes it. */
export const groupKindText = ({ group, kind }: { group: string; kind: string }): string => (group === "" ? kind : `${kind}.${group}`);
