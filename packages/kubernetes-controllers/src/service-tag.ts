import type { ObjectKey } from "@atoll/kubernetes";

/** The `kuma.io/service` of a Service's port, or without a port of what is no Service: `name_namespace_svc_port`. */
export const serviceTag = ({ namespace = "", name }: ObjectKey, port?: number): string =>
  `${name}_${namespace}_svc${port === undefined ? "" : `_${port}`}`;

/** What a `kuma.io/service` was made of; undefined if it has another form. */
export function keyOfServiceTag(tag: string): ObjectKey | undefined {
  const [name, namespace] = tag.split("_");
  return name && namespace ? { namespace, name } : undefined;
}
