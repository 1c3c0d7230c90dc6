import type { KubernetesObject } from "@atoll/kubernetes";
import { fieldManager } from "./field-manager.ts";

/** Is `object` newer than `than`? Versions of one kind are numbers that grow: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
export function newerVersion(object: KubernetesObject, than: KubernetesObject): boolean {
  const [one, other] = [object.metadata.resourceVersion ?? "", than.metadata.resourceVersion ?? ""];
  return one.length === other.length ? one > other : one.length > other.length;
}

/** The object without what nobody here reads, which is a good half of many: who else set which field, and what kubectl applied last. */
export function slimmed(object: KubernetesObject): KubernetesObject {
  const { managedFields, annotations, ...metadata } = object.metadata as typeof object.metadata & {
    managedFields?: readonly { manager?: string; operation?: string; subresource?: string }[];
  };
  const ours = managedFields?.filter(({ manager, operation, subresource }) => {
    return manager?.startsWith(fieldManager) === true && operation === "Apply" && (subresource ?? "") === "";
  });
  const { "kubectl.kubernetes.io/last-applied-configuration": _last, ...kept } = annotations ?? {};
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(annotations && { annotations: kept }),
      ...(ours !== undefined && ours.length > 0 && { managedFields: ours }),
    },
  } as KubernetesObject;
}
