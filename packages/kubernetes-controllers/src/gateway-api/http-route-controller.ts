import { clusterKinds, gatewayApiKinds, meshOf, requireResourceKind } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import { type Clock, type ConditionDraft, conditionsFrom } from "../conditions.ts";
import type { ClusterView, Controller, Desired } from "../controller.ts";
import { attach, type Attachment } from "./attachment.ts";
import type { BackendContext } from "./backend-target.ts";
import {
  controllerName,
  isGatewayRef,
  isServiceRef,
  type ParentReference,
  routeSpec,
  type RouteParentStatus,
} from "./gateway-api-objects.ts";
import { ownerOfGateway } from "./gateway-class-controller.ts";
import { type ConvertedRules, meshRules } from "./http-route-rules.ts";
import { gatewayRoute, servicePorts, serviceRoute } from "./mesh-http-routes.ts";
import { ownedByLabel } from "./owner-label.ts";
import { concernedByGrant } from "./reference-grants.ts";
import { concernedRoutes } from "./route-references.ts";

export interface HttpRouteOptions {
  readonly systemNamespace: string;
  /** This control plane's zone. */
  readonly zone: string;
  readonly now: Clock;
}

const routeKind = gatewayApiKinds.httpRoute;
const meshHttpRoute = requireResourceKind("MeshHTTPRoute");

/** Makes MeshHTTPRoutes of every HTTPRoute, one for each Gateway or Service that carries it. */
export const httpRouteController = (options: HttpRouteOptions): Controller => ({
  name: "http-routes",
  reconciles: routeKind,
  owns: [ownedByLabel(meshHttpRoute), ownedByLabel(requireResourceKind("MeshGatewayRoute"))],
  watches: [
    { kind: gatewayApiKinds.gateway, concerns: ({ metadata }, cluster) => concernedRoutes("gateway", metadata, cluster) },
    { kind: gatewayApiKinds.gatewayClass, concerns: (_changed, cluster) => keys(cluster.objects(routeKind)) },
    { kind: gatewayApiKinds.referenceGrant, concerns: (grant, cluster) => concernedByGrant(grant, "httpRoute", cluster) },
    { kind: clusterKinds.service, concerns: ({ metadata }, cluster) => concernedRoutes("service", metadata, cluster) },
    {
      kind: requireResourceKind("ExternalService"),
      concerns: ({ metadata }, cluster) => concernedRoutes("externalService", metadata, cluster),
    },
    { kind: clusterKinds.namespace, concerns: ({ metadata }, cluster) => keys(cluster.objects(routeKind, metadata.name)) },
  ],
  reconcile: (route, cluster) => reconcile(route, cluster, options),
});

function reconcile(route: KubernetesObject, cluster: ClusterView, { systemNamespace, zone, now }: HttpRouteOptions): Desired | undefined {
  const { namespace = "", generation, deletionTimestamp } = route.metadata;
  const home = cluster.object(clusterKinds.namespace, { name: namespace });
  if (home === undefined || deletionTimestamp !== undefined) return undefined;
  const mesh = meshOf(route, home);
  const { parentRefs = [], rules = [] } = routeSpec(route);
  const backends: Omit<BackendContext, "parent"> = { namespace, mesh, zone, cluster };
  const byGateway = meshRules(rules, { ...backends, parent: "Gateway" });
  const byService = meshRules(rules, { ...backends, parent: "Service" });

  const objects = new Map<string, KubernetesObject>();
  const add = (object: KubernetesObject) => objects.set(object.metadata.name, object);
  const before = (route.status as { parents?: RouteParentStatus[] } | undefined)?.parents ?? [];
  const parents: RouteParentStatus[] = before.filter((parent) => parent.controllerName !== controllerName);
  const say = (parentRef: ParentReference, attachment: Verdict, converted: ConvertedRules) => {
    const former = before.find((parent) => parent.controllerName === controllerName && isSameRef(parent.parentRef, parentRef));
    const conditions = conditionsFrom(routeConditions(attachment, converted), former?.conditions, { now, generation });
    parents.push({ parentRef, controllerName, conditions });
  };

  for (const ref of parentRefs) {
    const key = { namespace: ref.namespace ?? namespace, name: ref.name };
    if (isGatewayRef(ref)) {
      const gateway = cluster.object(gatewayApiKinds.gateway, key);
      if (gateway === undefined || typeof ownerOfGateway(gateway, cluster) !== "object") continue;
      const attachment = attach(route, ref, gateway, cluster);
      say(ref, attachment, byGateway);
      if (attachment.outcome !== "Accepted" || byGateway.unsupported !== undefined) continue;
      // Where a Gateway takes the route on some of its listeners only, each of them is named, so that the others do not carry it.
      const refs = attachment.partly ? attachment.listeners.map(({ name }) => ({ ...ref, sectionName: name })) : [ref];
      for (const one of refs) add(gatewayRoute(route, one, byGateway.rules, { mesh, systemNamespace }));
    } else if (isServiceRef(ref)) {
      const service = cluster.object(clusterKinds.service, key);
      const all = service === undefined ? [] : servicePorts(service);
      const isThere = service !== undefined && (ref.port === undefined || all.includes(ref.port));
      say(ref, { outcome: isThere ? "Accepted" : "NoMatchingParent" }, byService);
      if (!isThere || byService.unsupported !== undefined) continue;
      // Several references to ports of one Service are one route.
      const named = parentRefs.filter(
        (one) => isServiceRef(one) && one.name === ref.name && (one.namespace ?? namespace) === key.namespace,
      );
      const ports = all.filter((port) => named.some((one) => one.port === undefined || one.port === port));
      add(serviceRoute(route, service, ports, byService.rules, { mesh, systemNamespace }));
    }
  }
  // The status of a route that only others carry is theirs.
  const isSpoken = [...before, ...parents].some((parent) => parent.controllerName === controllerName);
  return { objects: [...objects.values()], ...(isSpoken && { status: { parents } }) };
}

interface Verdict {
  readonly outcome: Attachment["outcome"];
  readonly message?: string;
}

function routeConditions({ outcome, message = "" }: Verdict, { unresolved, unsupported }: ConvertedRules): ConditionDraft[] {
  const accepted: Omit<ConditionDraft, "type"> =
    outcome !== "Accepted"
      ? { status: "False", reason: outcome, message }
      : unsupported === undefined
        ? { status: "True", reason: "Accepted" }
        : { status: "False", reason: "UnsupportedValue", message: unsupported };
  return [
    { type: "Accepted", ...accepted },
    unresolved === undefined
      ? { type: "ResolvedRefs", status: "True", reason: "ResolvedRefs" }
      : { type: "ResolvedRefs", status: "False", ...unresolved },
  ];
}

const isSameRef = (a: ParentReference, b: ParentReference): boolean =>
  (["group", "kind", "namespace", "name", "sectionName", "port"] as const).every((field) => a[field] === b[field]);

const keys = (objects: Iterable<KubernetesObject>): ObjectKey[] =>
  [...objects].map(({ metadata: { namespace = "", name } }) => ({ namespace, name }));
