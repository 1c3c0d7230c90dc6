import { clusterKinds, meshOf } from "@atoll/kubernetes";
import type { KubernetesObject } from "@atoll/kubernetes";
import type { ClusterView } from "../controller.ts";
import { gatewayApiGroup, gatewaySpec, routeSpec } from "./gateway-api-objects.ts";
import type { LabelSelector, Listener, ParentReference } from "./gateway-api-objects.ts";

/** What becomes of a route that asks a Gateway to carry it. The words are reasons of the condition Accepted. */
export type Attachment =
  | {
      readonly outcome: "Accepted";
      readonly listeners: readonly Listener[];
      /** Some of the listeners that the route names may not take it. */
      readonly partly: boolean;
    }
  | { readonly outcome: "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname"; readonly message?: string };

/** Does the Gateway take the route that refers to it so, and on which of its listeners? */
export function attach(route: KubernetesObject, ref: ParentReference, gateway: KubernetesObject, cluster: ClusterView): Attachment {
  const [mesh, other] = [route, gateway].map((object) => meshOf(object, namespaceOf(object, cluster)));
  if (mesh !== other) return { outcome: "NoMatchingParent", message: `the route is of mesh "${mesh}" and the Gateway of mesh "${other}"` };
  const named = (gatewaySpec(gateway).listeners ?? []).filter(
    ({ name, port }) => (ref.sectionName ?? name) === name && (ref.port ?? port) === port,
  );
  if (named.length === 0) return { outcome: "NoMatchingParent" };
  const allowed = named.filter((listener) => allowsKind(listener) && allowsNamespace(listener, route, gateway, cluster));
  if (allowed.length === 0) return { outcome: "NotAllowedByListeners" };
  const { hostnames = [] } = routeSpec(route);
  const listeners = allowed.filter(({ hostname }) => hostnamesIntersect(hostnames, hostname));
  if (listeners.length === 0) return { outcome: "NoMatchingListenerHostname" };
  return { outcome: "Accepted", listeners, partly: allowed.length < named.length };
}

/** Is the kind among those that a listener may carry, as far as Atoll can: HTTPRoutes? */
export const isHttpRouteKind = ({ group = gatewayApiGroup, kind }: { group?: string; kind: string }): boolean =>
  group === gatewayApiGroup && kind === "HTTPRoute";

function allowsKind({ allowedRoutes }: Listener): boolean {
  const { kinds = [] } = allowedRoutes ?? {};
  return kinds.length === 0 || kinds.some(isHttpRouteKind);
}

function allowsNamespace({ allowedRoutes }: Listener, route: KubernetesObject, gateway: KubernetesObject, cluster: ClusterView): boolean {
  const { from = "Same", selector } = allowedRoutes?.namespaces ?? {};
  if (from === "All") return true;
  if (from === "Same") return route.metadata.namespace === gateway.metadata.namespace;
  if (from !== "Selector" || selector === undefined) return false;
  return selects(selector, namespaceOf(route, cluster)?.metadata.labels ?? {});
}

const namespaceOf = ({ metadata }: KubernetesObject, cluster: ClusterView): KubernetesObject | undefined =>
  cluster.object(clusterKinds.namespace, { name: metadata.namespace ?? "" });

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors; an operator that is none selects nothing. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === "In") return value !== undefined && values.includes(value);
      if (operator === "NotIn") return value === undefined || !values.includes(value);
      return operator === "Exists" ? value !== undefined : operator === "DoesNotExist" && value === undefined;
    })
  );
}

/** Is there a host that both a route and a listener are for? None given means any. */
export const hostnamesIntersect = (route: readonly string[], listener: string | undefined): boolean =>
  route.length === 0 ||
  !listener ||
  route.some((hostname) => hostname === listener || isBelow(hostname, listener) || isBelow(listener, hostname));

/** Does the name, which may begin with a wildcard itself, lie below the one after the wildcard? */
const isBelow = (name: string, wildcard: string): boolean =>
  wildcard.startsWith("*.") && name.endsWith(wildcard.slice(1)) && name !== wildcard;
