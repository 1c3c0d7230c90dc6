import { annotation, apiVersion, clusterKinds, type KubernetesObject, type Namespace, type ObjectKind } from "@atoll/kubernetes";
import type { Controller, Desired } from "../controller.ts";
import { controllerReference } from "../owner.ts";

/** Of Multus, which runs several CNI plugins for a pod: https://github.com/k8snetworkplumbingwg/multi-net-spec. */
export const networkAttachmentKind: ObjectKind = {
  group: "k8s.cni.cncf.io",
  version: "v1",
  kind: "NetworkAttachmentDefinition",
  plural: "network-attachment-definitions",
  namespaced: true,
};

export const cniNetwork = "kuma-cni";

/** Every namespace whose label speaks of injection lets its pods ask for the CNI plugin. Only for clusters that know the kind and use the plugin. */
export const networkAttachmentController: Controller = {
  name: "network-attachment",
  reconciles: clusterKinds.namespace,
  owns: [
    {
      kind: networkAttachmentKind,
      ownerOf: ({ metadata }: KubernetesObject) =>
        metadata.name === cniNetwork && metadata.namespace !== undefined ? { name: metadata.namespace } : undefined,
    },
  ],
  watches: [],
  reconcile(object): Desired | undefined {
    const namespace = object as Namespace;
    if (namespace.status?.phase === "Terminating") return undefined;
    const { name, labels } = namespace.metadata;
    if (labels?.[annotation.sidecarInjection] === undefined) return { objects: [] };
    const metadata = {
      name: cniNetwork,
      namespace: name,
      ownerReferences: [controllerReference({ ...namespace, apiVersion: "v1", kind: "Namespace" })],
    };
    return { objects: [{ apiVersion: apiVersion(networkAttachmentKind), kind: networkAttachmentKind.kind, metadata }] };
  },
};
