import { isDeepStrictEqual } from "node:util";
import {
  annotation,
  apiVersion,
  clusterKinds,
  meshOf,
  readEnabled,
  requireResourceKind,
  type KubernetesObject,
  type Namespace,
  type Node,
  type ObjectKey,
  type ObjectKind,
  type Pod,
  type Service,
} from "@atoll/kubernetes";
import { clusterIpLabel, finishedLabel, label, withComputedLabels, type DataplaneSpec } from "@atoll/resource";
import type { ClusterView, Controller, Desired, ObjectEvent } from "../controller.ts";
import { controllerReference, ownedByReference } from "../owner.ts";
import { isFinishedJob } from "./finished-jobs.ts";
import { embeddedOutbounds } from "./embedded-outbounds.ts";
import { ownerOf, podsOwnedBy } from "./owner-name.ts";
import { builtinGatewayDataplane, podDataplane } from "./pod-dataplane.ts";
import { keyOf, keysOf, podsOf, podsOfHandmadeSlice, servicesOf } from "./pod-services.ts";
import type { PodSettings } from "./settings.ts";
import { podZoneEgress, podZoneIngress } from "./zone-proxy.ts";

type Role = "dataplane" | "builtin-gateway" | "ingress" | "egress";

const dataplaneKind = requireResourceKind("Dataplane");
const proxyKinds = [dataplaneKind, requireResourceKind("ZoneIngress"), requireResourceKind("ZoneEgress")] as const;

const kinds: Readonly<Record<Role, ObjectKind>> = {
  dataplane: dataplaneKind,
  "builtin-gateway": dataplaneKind,
  ingress: proxyKinds[1],
  egress: proxyKinds[2],
};

/** A pod with a proxy of the mesh becomes a Dataplane, ZoneIngress or ZoneEgress of its name, for as long as it has an address and runs. */
export function podController(settings: PodSettings): Controller {
  return {
    name: "pod",
    reconciles: clusterKinds.pod,
    owns: proxyKinds.map((kind) => ownedByReference(kind, clusterKinds.pod)),
    watches: [
      {
        kind: clusterKinds.service,
        concerns: (service, cluster) => podsOf(service as Service, cluster, settings.ignoredServiceSelectorLabels),
      },
      { kind: clusterKinds.endpointSlice, concerns: (slice, cluster) => podsOfHandmadeSlice(slice, cluster) },
      { kind: clusterKinds.node, concerns: (node, cluster) => podsOfNode(node, cluster) },
      // Of its mesh and its end; labels of a namespace say the mesh of its pods.
      { kind: clusterKinds.namespace, concerns: ({ metadata }, cluster) => keysOf(cluster.objects(clusterKinds.pod, metadata.name)) },
      ...[clusterKinds.replicaSet, clusterKinds.job].map((kind) => ({ kind, concerns: waitingPods })),
    ],
    reconcile: (pod, cluster) => reconcile(pod as Pod, cluster, settings),
  };
}

function reconcile(pod: Pod, cluster: ClusterView, settings: PodSettings): Desired | undefined {
  let role: Role | undefined;
  try {
    role = roleOf(pod);
    if (role === undefined) return undefined;
    const namespace = cluster.object(clusterKinds.namespace, { name: pod.metadata.namespace ?? "" }) as Namespace | undefined;
    // Nothing can be written there any more, and all goes by itself.
    if (role === "dataplane" && namespace?.status?.phase === "Terminating") return undefined;
    if (!hasProxy(pod, role)) return { objects: [] };
    const services = role === "builtin-gateway" ? [] : servicesOf(pod, cluster, settings.ignoredServiceSelectorLabels);
    const spec = specOf(pod, role, services, cluster, settings);
    const mesh = kinds[role] === dataplaneKind ? meshOf(pod, namespace) : undefined;
    const before = cluster.object(kinds[role], keyOf(pod));
    const object = proxyObject({ pod, role, spec, mesh, services, zone: settings.zone });
    return { objects: [object], events: written(object, before) };
  } catch (error) {
    return kept(pod, role, cluster, error as Error);
  }
}

/** What a pod's annotations say it is; undefined if it has no part in a mesh. @throws AnnotationError */
function roleOf({ metadata: { annotations } }: Pod): Role | undefined {
  if (readEnabled(annotations, annotation.ingress)) return "ingress";
  if (readEnabled(annotations, annotation.egress)) return "egress";
  if (annotations?.[annotation.gateway] === "builtin") return "builtin-gateway";
  return readEnabled(annotations, annotation.sidecarInjected) ? "dataplane" : undefined;
}

/** Without an address there is nothing to call; what ended has its object for as long as it is looked at, for Jobs that is for ever. */
const hasProxy = ({ status }: Pod, role: Role): boolean =>
  (status?.podIP ?? "") !== "" && !(role === "dataplane" && (status?.phase === "Succeeded" || status?.reason === "Evicted"));

function specOf(pod: Pod, role: Role, services: readonly Service[], cluster: ClusterView, settings: PodSettings): object {
  const { zone, systemNamespace } = settings;
  if (role === "builtin-gateway") return builtinGatewayDataplane({ pod, zone });
  if (role !== "dataplane" && pod.metadata.namespace !== systemNamespace) {
    throw new Error(`${role === "ingress" ? "Ingress" : "Egress"} can only be deployed in system namespace "${systemNamespace}"`);
  }
  const input = {
    pod,
    zone,
    services,
    nodeLabels: nodeLabelsOf(pod, cluster, settings),
  };
  if (role === "dataplane") {
    const owner = () => ownerOf(pod, (kind, key) => cluster.object(kind, key));
    return podDataplane({ ...input, owner, ...(settings.embeddedOutbounds && { outbounds: outboundsOf(pod, cluster) }) });
  }
  if (role === "egress") return podZoneEgress({ ...input, nodes: [] });
  const nodes = [...cluster.objects(clusterKinds.node)] as Node[];
  return podZoneIngress({ ...input, nodes: nodes.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)) });
}

function nodeLabelsOf({ spec }: Pod, cluster: ClusterView, { nodeLabelsToCopy }: PodSettings): Record<string, string> {
  if (nodeLabelsToCopy.length === 0 || !spec.nodeName) return {};
  const node = cluster.object(clusterKinds.node, { name: spec.nodeName });
  if (node === undefined) throw new Error(`unable to get Node ${spec.nodeName}`);
  const { labels = {} } = node.metadata;
  return Object.fromEntries(nodeLabelsToCopy.flatMap((key) => (labels[key] === undefined ? [] : [[key, labels[key]]])));
}

const outboundsOf =
  (pod: Pod, cluster: ClusterView) =>
  (reachableServices: readonly string[]): NonNullable<DataplaneSpec["networking"]["outbound"]> => {
    const namespace = cluster.object(clusterKinds.namespace, { name: pod.metadata.namespace ?? "" });
    const mesh = meshOf(pod, namespace);
    const dataplanes = [...cluster.objects(dataplaneKind)].filter((dataplane) => dataplane["mesh"] === mesh);
    return embeddedOutbounds({
      podIp: pod.status?.podIP ?? "",
      dataplanes: dataplanes.map(({ spec }) => spec as DataplaneSpec),
      service: (key) => cluster.object(clusterKinds.service, key),
      reachableServices,
    });
  };

interface ProxyObject {
  readonly pod: Pod;
  readonly role: Role;
  readonly spec: object;
  readonly mesh: string | undefined;
  readonly services: readonly Service[];
  readonly zone: string;
}

/** With the labels of the pod and those that every write adds, so that what the API server stores is what was asked for. */
function proxyObject({ pod, role, spec, mesh, services, zone }: ProxyObject): KubernetesObject {
  const kind = kinds[role];
  const { name, namespace = "", labels: own } = pod.metadata;
  const addresses = role === "dataplane" ? services.map(({ metadata, spec: { clusterIP } }) => clusterIp(metadata.name, clusterIP)) : [];
  const requested: Record<string, string> = {
    ...own,
    ...(Object.assign({}, ...addresses) as Record<string, string>),
    ...(role === "dataplane" && isFinishedJob(pod) && finishedLabel),
    [label.kubernetesNamespace]: namespace,
  };
  const draft = { type: kind.kind, mesh: mesh ?? "", name, labels: requested, spec };
  const { labels = {} } = withComputedLabels(draft, { zone, environment: "kubernetes" });
  return {
    apiVersion: apiVersion(kind),
    kind: kind.kind,
    ...(mesh !== undefined && { mesh }),
    metadata: { ...keyOf(pod), labels, ownerReferences: [controllerReference({ ...pod, apiVersion: "v1", kind: "Pod" })] },
    spec,
  };
}

const clusterIp = (service: string, address: string | undefined): Record<string, string> =>
  address ? clusterIpLabel(service, address) : {};

/** In the words that people look for. */
function written(object: KubernetesObject, before: KubernetesObject | undefined): ObjectEvent[] {
  if (before !== undefined && isDeepStrictEqual([before.spec, before["mesh"]], [object.spec, object["mesh"]])) return [];
  const verb = before === undefined ? "Created" : "Updated";
  const message = `${verb} Kuma ${object.kind.replace("Zone", "")}: ${object.metadata.name}`;
  return [{ type: "Normal", reason: `${verb}KumaDataplane`, message }];
}

/** A pod that cannot be read keeps what was made of it while it could. */
function kept(pod: Pod, role: Role | undefined, cluster: ClusterView, error: Error): Desired {
  const possible = role === undefined ? proxyKinds : [kinds[role]];
  const made = possible[0]!.kind.replace("Zone", "");
  const message = role === "builtin-gateway" ? error.message : `Failed to generate Kuma ${made}: ${error.message}`;
  return {
    objects: [],
    kept: possible.flatMap((kind) => cluster.object(kind, keyOf(pod)) ?? []),
    events: [{ type: "Warning", reason: "FailedToGenerateKumaDataplane", message }],
  };
}

/** What runs on a node, by its labels, and every ingress, by its address. */
function podsOfNode(node: KubernetesObject, cluster: ClusterView): ObjectKey[] {
  const concerned = ([...cluster.objects(clusterKinds.pod)] as Pod[]).filter(
    ({ spec, metadata }) => spec.nodeName === node.metadata.name || metadata.annotations?.[annotation.ingress] !== undefined,
  );
  return keysOf(concerned);
}

/** A ReplicaSet changes whenever a pod of it does: those that have their Dataplane know its name already. */
function waitingPods(owner: KubernetesObject, cluster: ClusterView): ObjectKey[] {
  const waiting = [...podsOwnedBy(owner, cluster)].filter(
    (pod) => pod.status?.podIP && cluster.object(dataplaneKind, keyOf(pod)) === undefined,
  );
  return keysOf(waiting);
}
