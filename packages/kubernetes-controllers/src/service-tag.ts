import type { ObjectKey } from "@atoll/kubernetes";

/** The `kuma.io/service` of a Service's port, or without a port of what is no Service: `name_namespace_svc_port`. */
export const serviceTag = ({ namespace = "", name }: ObjectKey, port?: number): string =>
  `${name}_${namespace}_svc${port === undefined ? "" : `_${port}`}`;

/** What a `kuma.io/service` was made of; undefined if it has another form. */
export function keyOfServiceTag(tag: string): ObjectKey | undefined {
  const [name, namespace] = tag.split("_");
  return name && namespace ? { namespace, name } : undefined;
}

/** Port that stands for "no service here": the system gives it to nobody. */
export const serviceLessPort = 49_151;

/** The port that a `kuma.io/service` was made of; `serviceLessPort` for one of no Service, undefined if it has another form. */
export function portOfServiceTag(tag: string): number | undefined {
  const [, , , port, ...more] = tag.split("_");
  if (keyOfServiceTag(tag) === undefined || more.length > 0) return undefined;
  if (port === undefined) return tag.split("_").length === 3 ? serviceLessPort : undefined;
  return /^\d+$/.test(port) ? Number(port) : undefined;
}
