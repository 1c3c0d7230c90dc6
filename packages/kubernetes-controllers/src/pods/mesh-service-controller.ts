import { isDeepStrictEqual } from "node:util";
import {
  annotation,
  clusterKinds,
  meshOf,
  readBoolean,
  readEnabled,
  requireResourceKind,
  serviceNameLabel,
  type KubernetesObject,
  type ObjectKey,
  type Pod,
  type Service,
} from "@atoll/kubernetes";
import type { ClusterView, Controller, Desired, ObjectEvent } from "../controller.ts";
import { keyOf, keysOf, slicesOf } from "./pod-services.ts";
import { meshServiceKind, meshServicesOf, serviceNameOf, unsupportedPortsOf } from "./service-mesh-services.ts";

const meshKind = requireResourceKind("Mesh");

/** A Service of a mesh that has MeshServices becomes one; a headless Service becomes one for each of its pods. */
export const meshServiceController: Controller = {
  name: "mesh-service",
  reconciles: clusterKinds.service,
  owns: [{ kind: meshServiceKind, ownerOf: serviceOf }],
  watches: [
    {
      kind: clusterKinds.endpointSlice,
      concerns: ({ metadata }) => {
        const name = metadata.labels?.[serviceNameLabel];
        return name === undefined ? [] : [{ ...(metadata.namespace !== undefined && { namespace: metadata.namespace }), name }];
      },
    },
    { kind: clusterKinds.namespace, concerns: ({ metadata }, cluster) => keysOf(cluster.objects(clusterKinds.service, metadata.name)) },
    { kind: meshKind, concerns: (_mesh, cluster) => keysOf(cluster.objects(clusterKinds.service)) },
  ],
  reconcile: (service, cluster) => reconcile(service as Service, cluster),
};

/** By a label, for the MeshServices of a headless Service belong to its pods. Those that a user wrote are nobody's. */
function serviceOf({ metadata }: KubernetesObject): ObjectKey | undefined {
  const name = metadata.labels?.[serviceNameOf];
  const isOurs = metadata.labels?.["kuma.io/managed-by"] === "k8s-controller" && (metadata.ownerReferences ?? []).length > 0;
  return isOurs && name !== undefined ? { ...(metadata.namespace !== undefined && { namespace: metadata.namespace }), name } : undefined;
}

function reconcile(service: Service, cluster: ClusterView): Desired {
  const mesh = meshOfService(service, cluster);
  if (mesh === undefined) return { objects: [] };
  const objects = meshServicesOf({
    service,
    mesh,
    slices: service.spec.clusterIP === "None" ? slicesOf(service, cluster) : [],
    pod: (key) => cluster.object(clusterKinds.pod, key) as Pod | undefined,
  });
  return { objects, events: eventsOf(service, objects, cluster) };
}

/** The mesh that a Service's requests belong to; undefined where they belong to none, or where the mesh has no MeshServices. */
function meshOfService(service: Service, cluster: ClusterView): string | undefined {
  const namespace = cluster.object(clusterKinds.namespace, { name: service.metadata.namespace ?? "" });
  if (namespace === undefined) return undefined;
  const { annotations, labels } = service.metadata;
  if (labels?.[annotation.mesh] === undefined && !switched(() => readEnabled(namespace.metadata.labels, annotation.sidecarInjection))) {
    return undefined;
  }
  if (switched(() => readBoolean(annotations, annotation.ignore)) || annotations?.[annotation.gateway] !== undefined) return undefined;
  const name = meshOf(service, namespace);
  const mesh = cluster.object(meshKind, { name });
  const { mode = "Disabled" } = (mesh?.spec as { meshServices?: { mode?: string } } | undefined)?.meshServices ?? {};
  return mode === "Disabled" ? undefined : name;
}

/** What is neither on nor off is off: the injector tells its author. */
function switched(read: () => boolean | undefined): boolean {
  try {
    return read() ?? false;
  } catch {
    return false;
  }
}

function eventsOf(service: Service, objects: readonly KubernetesObject[], cluster: ClusterView): ObjectEvent[] {
  const before = objects.map((object) => cluster.object(meshServiceKind, keyOf(object)));
  const created = objects.filter((_object, index) => before[index] === undefined);
  const updated = objects.filter((object, index) => before[index] !== undefined && !isDeepStrictEqual(before[index]?.spec, object.spec));
  const event = (verb: string, changed: readonly KubernetesObject[]): ObjectEvent[] => {
    if (changed.length === 0) return [];
    const what = service.spec.clusterIP === "None" ? `${changed.length} MeshServices` : `Kuma MeshService: ${changed[0]!.metadata.name}`;
    return [{ type: "Normal", reason: `${verb}MeshService`, message: `${verb} ${what}` }];
  };
  const unsupported = created.length + updated.length === 0 ? [] : unsupportedPortsOf(service);
  return [
    ...event("Created", created),
    ...event("Updated", updated),
    ...(unsupported.length === 0
      ? []
      : [{ type: "Normal" as const, reason: "IgnoredUnsupportedPort", message: `Ignored unsupported ports: ${unsupported.join(", ")}` }]),
  ];
}
