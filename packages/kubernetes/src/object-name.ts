import { type Kind, label } from "@atoll/resource";
import type { ObjectKey } from "./kubernetes-object.ts";
import { isSecretType } from "./resource-kinds.ts";

/**
 * A resource's name where its home is a namespace: `name.namespace`, also in the system namespace. Secrets, which live in that one alone, have
 * the object's name.
 */
export function resourceName(kind: Kind, { name, namespace }: ObjectKey): string {
  return kind.namespaced && !isSecretType(kind.type) && namespace !== undefined ? `${name}.${namespace}` : name;
}

/**
 * The object that carries a resource. A resource whose labels name the namespace that its name ends with lives there. Every other one of a
 * namespaced kind, such as what came from the other side under its synced name, lives in the system namespace, whether its name says so or not.
 */
export function objectKey(
  kind: Kind,
  { name, labels }: { name: string; labels?: Readonly<Record<string, string>> },
  systemNamespace: string,
): ObjectKey {
  if (!kind.namespaced) return { name };
  if (isSecretType(kind.type)) return { namespace: systemNamespace, name };
  const namespace = labels?.[label.kubernetesNamespace];
  for (const each of [namespace, systemNamespace]) {
    if (each !== undefined && name.endsWith(`.${each}`)) return { namespace: each, name: name.slice(0, -(each.length + 1)) };
  }
  return { namespace: systemNamespace, name };
}

/** `namespace/name`, or the name alone. */
export const keyText = ({ namespace, name }: ObjectKey): string => (namespace === undefined ? name : `${namespace}/${name}`);
