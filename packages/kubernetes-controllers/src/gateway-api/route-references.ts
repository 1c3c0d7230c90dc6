import { gatewayApiKinds, group as kumaGroup } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import type { ClusterView } from "../controller.ts";
import { isGatewayRef, isServiceRef, type ObjectReference, routeSpec } from "./gateway-api-objects.ts";

/** The routes that refer to an object, as what carries them or as a backend. */
export function* concernedRoutes(
  kind: "gateway" | "service" | "externalService",
  { namespace, name }: ObjectKey,
  cluster: ClusterView,
): Iterable<ObjectKey> {
  for (const route of cluster.objects(gatewayApiKinds.httpRoute)) {
    const home = route.metadata.namespace ?? "";
    const isMeant = (ref: ObjectReference) => ref.name === name && (kind === "externalService" || (ref.namespace ?? home) === namespace);
    if (references(route, kind).some(isMeant)) yield { namespace: home, name: route.metadata.name };
  }
}

function references(route: KubernetesObject, kind: "gateway" | "service" | "externalService"): ObjectReference[] {
  const { parentRefs = [], rules = [] } = routeSpec(route);
  if (kind === "gateway") return parentRefs.filter(isGatewayRef);
  const backends: ObjectReference[] = rules.flatMap(({ backendRefs = [], filters = [] }) => [
    ...backendRefs,
    ...filters.flatMap(({ requestMirror }) => requestMirror?.backendRef ?? []),
  ]);
  return kind === "service"
    ? [...parentRefs.filter(isServiceRef), ...backends.filter(({ group = "", kind: one = "Service" }) => group === "" && one === "Service")]
    : backends.filter((ref) => ref.group === kumaGroup && ref.kind === "ExternalService");
}
