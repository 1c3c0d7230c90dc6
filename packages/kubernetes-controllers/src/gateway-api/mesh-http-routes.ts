import { requireResourceKind } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import { label, tag } from "@atoll/resource";
import type { ServiceSpec } from "../gateway-instances/gateway-service.ts";
import { serviceTag } from "../service-tag.ts";
import type { ParentReference } from "./gateway-api-objects.ts";
import { routeSpec } from "./gateway-api-objects.ts";
import type { MeshRule } from "./http-route-rules.ts";
import { fnv1Hex, ownerAnnotations, ownerLabels } from "./owner-label.ts";

const meshHttpRoute = requireResourceKind("MeshHTTPRoute");

/** Longest name of an object without hash and dash: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/. */
const longestName = 244;

export interface RouteContext {
  readonly mesh: string;
  readonly systemNamespace: string;
}

/** The MeshHTTPRoute for a Gateway, or for the listener of it that `ref` names. */
export function gatewayRoute(
  route: KubernetesObject,
  ref: ParentReference,
  rules: readonly MeshRule[],
  context: RouteContext,
): KubernetesObject {
  const { namespace = "" } = route.metadata;
  const { hostnames = [] } = routeSpec(route);
  const tags = {
    ...(ref.sectionName !== undefined && { [tag.listenerName]: ref.sectionName }),
    ...(ref.port !== undefined && { [tag.listenerPort]: String(ref.port) }),
  };
  return meshRoute(gatewayRouteName(route, ref), route, context, {
    targetRef: {
      kind: "MeshGateway",
      name: `${ref.name}.${ref.namespace ?? namespace}`,
      ...(Object.keys(tags).length > 0 && { tags }),
    },
    to: [{ targetRef: { kind: "Mesh" }, ...(hostnames.length > 0 && { hostnames }), rules }],
  });
}

/**
 * The MeshHTTPRoute for what calls a Service: everybody if the route lives beside the Service, and else the proxies of the route's namespace.
 * https://gateway-api.sigs.k8s.io/geps/gep-1294/
 */
export function serviceRoute(
  route: KubernetesObject,
  service: KubernetesObject,
  ports: readonly number[],
  rules: readonly MeshRule[],
  context: RouteContext,
): KubernetesObject {
  const { name, namespace = "" } = route.metadata;
  const key: ObjectKey = { namespace: service.metadata.namespace ?? "", name: service.metadata.name };
  return meshRoute(`${name}-${namespace}-${key.name}.${key.namespace}`, route, context, {
    targetRef: key.namespace === namespace ? { kind: "Mesh" } : { kind: "MeshSubset", tags: { [label.kubernetesNamespace]: namespace } },
    to: ports.map((port) => ({ targetRef: { kind: "MeshService", name: serviceTag(key, port) }, rules })),
  });
}

export const servicePorts = (service: KubernetesObject): number[] =>
  ((service.spec as ServiceSpec | undefined)?.ports ?? []).map(({ port }) => port);

function meshRoute(name: string, route: KubernetesObject, { mesh, systemNamespace }: RouteContext, spec: object): KubernetesObject {
  const owner = { namespace: route.metadata.namespace ?? "", name: route.metadata.name };
  return {
    apiVersion: `${meshHttpRoute.group}/${meshHttpRoute.version}`,
    kind: meshHttpRoute.kind,
    metadata: { name, namespace: systemNamespace, labels: { [label.mesh]: mesh, ...ownerLabels(owner) }, ...ownerAnnotations(owner) },
    spec,
  };
}

function gatewayRouteName({ metadata: { name, namespace = "" } }: KubernetesObject, ref: ParentReference): string {
  const { port = 0, sectionName = "", group = "gateway.networking.k8s.io", kind = "Gateway" } = ref;
  const hash = fnv1Hex([port, sectionName, ref.name, ref.namespace ?? namespace, kind, group].join(""));
  return `${`${name}-${namespace}`.slice(0, longestName).replace(/-$/, "")}-${hash}`;
}
