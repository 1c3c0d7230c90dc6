import {
  annotation,
  clusterKinds,
  isSelected,
  readEnabled,
  serviceNameLabel,
  type Container,
  type EndpointSlice,
  type KubernetesObject,
  type ObjectKey,
  type Pod,
  type Service,
  type ServicePort,
} from "@atoll/kubernetes";
import type { ClusterView } from "../controller.ts";

export const isHeadless = ({ spec }: Service): boolean => spec.clusterIP === "None";

/** A value that is neither on nor off is no reason to leave a Service out. */
export function isIgnored({ metadata }: KubernetesObject): boolean {
  try {
    return readEnabled(metadata.annotations, annotation.ignore) ?? false;
  } catch {
    return false;
  }
}

const withoutLabels = (selector: Readonly<Record<string, string>>, ignored: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(selector).filter(([key]) => !ignored.includes(key)));

const hasSelector = ({ spec }: Service): boolean => Object.keys(spec.selector ?? {}).length > 0;

/** The Services that send requests to a pod, by name: inbounds have this order, whenever each Service was made. */
export function servicesOf(pod: Pod, cluster: ClusterView, ignoredLabels: readonly string[]): Service[] {
  const { namespace, labels, uid } = pod.metadata;
  const services = [...cluster.objects(clusterKinds.service, namespace)] as Service[];
  return services
    .filter((service) => !isIgnored(service))
    .filter((service) =>
      hasSelector(service)
        ? isSelected(labels, withoutLabels(service.spec.selector ?? {}, ignoredLabels))
        : slicesOf(service, cluster).some(({ endpoints }) =>
            endpoints?.some(({ targetRef }) => targetRef?.uid === uid && uid !== undefined),
          ),
    )
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The pods that a Service sends requests to, or would without the ignored labels of its selector. */
export function podsOf(service: Service, cluster: ClusterView, ignoredLabels: readonly string[]): ObjectKey[] {
  if (!hasSelector(service)) return slicesOf(service, cluster).flatMap(podsOfSlice);
  const selector = withoutLabels(service.spec.selector ?? {}, ignoredLabels);
  const { namespace } = service.metadata;
  return [...cluster.objects(clusterKinds.pod, namespace)].filter(({ metadata }) => isSelected(metadata.labels, selector)).map(keyOf);
}

/** The pods that an EndpointSlice names. */
export const podsOfSlice = ({ endpoints }: EndpointSlice): ObjectKey[] =>
  (endpoints ?? []).flatMap(({ targetRef }) =>
    targetRef?.kind === "Pod" && targetRef.name !== undefined && (targetRef.apiVersion ?? "v1") === "v1"
      ? { ...(targetRef.namespace !== undefined && { namespace: targetRef.namespace }), name: targetRef.name }
      : [],
  );

/** Of the slices of a Service whose endpoints somebody writes by hand, the pods; those of a selector come with the Service. */
export function podsOfHandmadeSlice(slice: EndpointSlice, cluster: ClusterView): ObjectKey[] {
  const name = slice.metadata.labels?.[serviceNameLabel];
  if (name === undefined) return [];
  const service = cluster.object(clusterKinds.service, { ...namespaceOf(slice), name }) as Service | undefined;
  return service === undefined || hasSelector(service) ? [] : podsOfSlice(slice);
}

export const slicesOf = (service: Service, cluster: ClusterView): EndpointSlice[] =>
  ([...cluster.objects(clusterKinds.endpointSlice, service.metadata.namespace)] as EndpointSlice[]).filter(
    ({ metadata }) => metadata.labels?.[serviceNameLabel] === service.metadata.name,
  );

export const namespaceOf = ({ metadata }: KubernetesObject): { namespace?: string } =>
  metadata.namespace === undefined ? {} : { namespace: metadata.namespace };

export const keyOf = (object: KubernetesObject): ObjectKey => ({ ...namespaceOf(object), name: object.metadata.name });

export const keysOf = (objects: Iterable<KubernetesObject>): ObjectKey[] => [...objects].map(keyOf);

/** Where a Service's port leads in a pod. A number is taken as it is, for pods need not declare their ports; a name that no container has leads nowhere. */
export function targetOf({ spec }: Pod, port: ServicePort): { port: number; name?: string; container?: Container } | undefined {
  const target = port.targetPort ?? port.port;
  const protocol = port.protocol || "TCP";
  for (const container of spec.containers ?? []) {
    const found = container.ports?.find(
      (candidate) =>
        (typeof target === "number" ? candidate.containerPort : candidate.name) === target && (candidate.protocol || "TCP") === protocol,
    );
    if (found) return { port: found.containerPort, ...(found.name && { name: found.name }), container };
  }
  return typeof target === "number" ? { port: target } : undefined;
}
