import {
  annotation,
  apiVersion,
  type EndpointSlice,
  type KubernetesObject,
  type OwnerReference,
  type Pod,
  type PortReference,
  requireResourceKind,
  type Service,
} from "@atoll/kubernetes";
import { clusterIpLabel, label } from "@atoll/resource";
import { isHeadless, namespaceOf, podsOfSlice } from "./pod-services.ts";
import { headlessName } from "./safe-name.ts";

export const meshServiceKind = requireResourceKind("MeshService");

export const serviceNameOf = "k8s.kuma.io/service-name";

export interface MeshServicesInput {
  readonly service: Service;
  readonly mesh: string;
  /** Of the Service; only those of a headless one are looked at. */
  readonly slices: readonly EndpointSlice[];
  pod(key: { namespace?: string; name: string }): Pod | undefined;
}

/** The MeshService of a Service, or of a headless one those of each of its pods. */
export function meshServicesOf(input: MeshServicesInput): KubernetesObject[] {
  const { service } = input;
  if (!service.spec.clusterIP) return [];
  return isHeadless(service) ? [...instances(input)] : [whole(input)];
}

/** What others than TCP ports are called in the event that says that they are left out. */
export const unsupportedPortsOf = ({ spec }: Service): string[] =>
  (spec.ports ?? []).filter(({ protocol }) => (protocol ?? "TCP") !== "TCP").map(({ name, port }) => name || String(port));

function whole(input: MeshServicesInput): KubernetesObject {
  const { service } = input;
  const { name, uid = "" } = service.metadata;
  const dataplaneTags = { ...service.spec.selector, [label.kubernetesNamespace]: service.metadata.namespace ?? "" };
  return meshService(input, {
    name,
    labels: { "k8s.kuma.io/is-headless-service": "false" },
    owner: { apiVersion: "v1", kind: "Service", name, uid },
    selector: { dataplaneTags },
    addresses: [service.spec.clusterIP ?? ""],
  });
}

function* instances(input: MeshServicesInput): Iterable<KubernetesObject> {
  const { service, slices, pod } = input;
  const byName = new Map<string, { addresses: readonly string[]; uid: string; namespace: string; name: string }>();
  for (const slice of slices) {
    for (const endpoint of slice.endpoints ?? []) {
      const [key] = podsOfSlice({ ...slice, endpoints: [endpoint] });
      if (key === undefined) continue;
      const namespace = key.namespace ?? service.metadata.namespace ?? "";
      const before = byName.get(key.name)?.addresses ?? [];
      // In a cluster of two families, each has slices of its own.
      const addresses = [...new Set([...before, ...(endpoint.addresses ?? [])])];
      byName.set(key.name, { ...key, namespace, addresses, uid: endpoint.targetRef?.uid ?? "" });
    }
  }
  for (const { name, namespace, uid, addresses } of [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const labels = pod({ namespace, name })?.metadata.labels ?? {};
    const ordinals = ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"].filter((key) => labels[key] !== undefined);
    yield meshService(input, {
      name: headlessName({ name: service.metadata.name, namespace: service.metadata.namespace ?? "" }, name),
      labels: { ...Object.fromEntries(ordinals.map((key) => [key, labels[key]!])), "k8s.kuma.io/is-headless-service": "true" },
      owner: { apiVersion: "v1", kind: "Pod", name, uid },
      selector: { dataplaneRef: { name: `${name}.${namespace}` } },
      addresses,
    });
  }
}

interface MeshServiceParts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** With it, the MeshService goes. */
  readonly owner: OwnerReference;
  readonly selector: object;
  readonly addresses: readonly string[];
}

function meshService({ service, mesh }: MeshServicesInput, parts: MeshServiceParts): KubernetesObject {
  return {
    apiVersion: apiVersion(meshServiceKind),
    kind: meshServiceKind.kind,
    metadata: {
      name: parts.name,
      ...namespaceOf(service),
      labels: {
        ...service.metadata.labels,
        [annotation.mesh]: mesh,
        [serviceNameOf]: service.metadata.name,
        [label.managedBy]: "k8s-controller",
        [label.env]: "kubernetes",
        // In place of an address of the zone's: the cluster's workloads call this one.
        ...(parts.addresses[0] && clusterIpLabel(service.metadata.name, parts.addresses[0])),
        ...parts.labels,
      },
      ownerReferences: [parts.owner],
    },
    spec: { selector: parts.selector, ports: portsOf(service) },
    status: { vips: parts.addresses.map((ip) => ({ ip })) },
  };
}

function portsOf({ spec }: Service): { name: string; port: number; targetPort: PortReference; appProtocol: string }[] {
  return (spec.ports ?? [])
    .filter(({ protocol }) => (protocol ?? "TCP") === "TCP")
    .map(({ name, port, targetPort, appProtocol }) => ({
      name: name || String(port),
      port,
      targetPort: targetPort ?? port,
      appProtocol: appProtocol ?? "tcp",
    }));
}
