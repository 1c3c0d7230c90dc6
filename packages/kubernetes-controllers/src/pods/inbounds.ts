import {
  annotation,
  protocolAnnotation,
  readEnabled,
  sidecarContainer,
  isSelected,
  type Container,
  type Pod,
  type Service,
  type ServicePort,
} from "@atoll/kubernetes";
import { label, parseProtocol, tag, type DataplaneInbound } from "@atoll/resource";
import { isHeadless, targetOf } from "./pod-services.ts";
import { serviceLessPort, serviceTag } from "../service-tag.ts";

export interface InboundInput {
  readonly pod: Pod;
  /** The pod's, in the order in which its inbounds are to be. */
  readonly services: readonly Service[];
  readonly zone: string;
  /** Of the pod's node, as far as they become tags. */
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Asked for only if the pod is of no Service. */
  ownerName(): string;
}

type State = NonNullable<DataplaneInbound["state"]>;

/** One inbound for each TCP port of the pod's Services; without any, one that says who the pod is and listens nowhere. Never empty. */
export function inboundsOf(input: InboundInput): DataplaneInbound[] {
  const { pod, services } = input;
  const inbounds = services
    // Their selector has no effect in the cluster, so it has none here.
    .filter(({ spec }) => spec.type !== "ExternalName")
    .flatMap((service) => (service.spec.ports ?? []).flatMap((port) => inboundOf(input, service, port) ?? []));
  if (inbounds.length > 0) return inbounds;
  const state = areReady(pod, pod.spec.containers ?? []) ? "Ready" : "NotReady";
  return [{ port: serviceLessPort, tags: podTags(input), ...withState(state) }];
}

function inboundOf(input: InboundInput, service: Service, port: ServicePort): DataplaneInbound | undefined {
  const { pod } = input;
  if ((port.protocol || "TCP") !== "TCP") return undefined;
  const target = targetOf(pod, port);
  if (target === undefined) return undefined;
  const state = !isSelected(pod.metadata.labels, service.spec.selector)
    ? "Ignored"
    : areReady(pod, target.container ? [target.container] : []) && pod.metadata.deletionTimestamp === undefined
      ? "Ready"
      : "NotReady";
  return { port: target.port, ...(target.name && { name: target.name }), tags: serviceTags(input, service, port), ...withState(state) };
}

/** Clients before Kuma 2.6 know `health` alone. */
const withState = (state: State): Pick<DataplaneInbound, "state" | "health"> =>
  state === "Ready" ? { health: { ready: true } } : { state, health: {} };

/** A container that the kubelet has not spoken of yet counts as ready; so does a proxy that does not run in a container of this name. */
function areReady({ status }: Pod, containers: readonly Container[]): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const isReady = (name: string, statuses = containerStatuses): boolean =>
    statuses.find((candidate) => (candidate.name ?? "") === name)?.ready ?? true;
  return containers.every(({ name = "" }) => isReady(name)) && isReady(sidecarContainer, [...containerStatuses, ...initContainerStatuses]);
}

/** Its own labels are no tags: the control plane's are about the object, not about what it offers. */
function serviceTags({ pod, zone, nodeLabels }: InboundInput, service: Service, port: ServicePort): Record<string, string> {
  const { name, namespace = "" } = service.metadata;
  const own = Object.entries(pod.metadata.labels ?? {}).filter(([key, value]) => value !== "" && !key.includes("kuma.io/"));
  const protocol = protocolOf(service, port);
  return sorted({
    ...Object.fromEntries(own),
    [label.kubernetesNamespace]: pod.metadata.namespace ?? "",
    "k8s.kuma.io/service-name": name,
    "k8s.kuma.io/service-port": String(port.port),
    [tag.service]: serviceTag({ namespace, name }, port.port),
    ...(zone !== "" && { [tag.zone]: zone }),
    ...nodeLabels,
    // A delegated gateway speaks TCP whatever its Service says.
    ...(isGateway(pod) && protocol !== "tcp" ? {} : { [tag.protocol]: protocol }),
    ...(isHeadless(service) && { [tag.instance]: pod.metadata.name }),
  });
}

function isGateway({ metadata }: Pod): boolean {
  try {
    return readEnabled(metadata.annotations, annotation.gateway) ?? false;
  } catch {
    return false;
  }
}

function podTags({ pod, zone, nodeLabels, ownerName }: InboundInput): Record<string, string> {
  const { name, namespace = "", labels = {} } = pod.metadata;
  return sorted({
    ...Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== "")),
    [label.kubernetesNamespace]: namespace,
    [tag.service]: serviceTag({ namespace, name: ownerName() }),
    ...(zone !== "" && { [tag.zone]: zone }),
    [tag.protocol]: "tcp",
    [tag.instance]: name,
    ...nodeLabels,
  });
}

/** An annotation that names no protocol is kept, so that its author sees it in the Dataplane. */
export function protocolOf({ metadata }: Service, { port, appProtocol }: ServicePort): string {
  const known = appProtocol !== undefined && parseProtocol(appProtocol) !== undefined ? appProtocol : "";
  return (known || metadata.annotations?.[protocolAnnotation(port)] || "tcp").toLowerCase();
}

export const sorted = (map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
