import { clusterKinds, gatewayApiKinds } from "@atoll/kubernetes";
import type { KubernetesObject } from "@atoll/kubernetes";
import { type Clock, conditionsFrom } from "../conditions.ts";
import type { ClusterView } from "../controller.ts";
import { gatewayInstanceSpec } from "../gateway-instances/gateway-instance-spec.ts";
import type { GatewayInstanceStatus } from "../gateway-instances/gateway-readiness.ts";
import type { ServiceSpec } from "../gateway-instances/gateway-service.ts";
import { attach, isHttpRouteKind } from "./attachment.ts";
import { type GatewayStatus, gatewayApiGroup, isGatewayRef, type Listener, routeSpec } from "./gateway-api-objects.ts";
import type { RefusedListener } from "./listeners.ts";

export interface GatewayJudgement {
  /** What is to be said of every listener that has something said of it, refused or not, in the Gateway's order. */
  readonly judged: readonly RefusedListener[];
  readonly instance: KubernetesObject | undefined;
  readonly cluster: ClusterView;
  readonly now: Clock;
}

/** The status of a Gateway: where it is reached, and what its listeners carry. */
export function gatewayStatus(gateway: KubernetesObject, { judged, instance, cluster, now }: GatewayJudgement): GatewayStatus {
  const before = gateway.status as GatewayStatus | undefined;
  const judgement = { now, generation: gateway.metadata.generation };
  const routes = attachedRoutes(gateway, cluster);
  const listeners = judged.map(({ listener, conditions }) => {
    const former = before?.listeners?.find(({ name }) => name === listener.name);
    return {
      name: listener.name,
      supportedKinds: supportedKinds(listener),
      attachedRoutes: routes.get(listener.name) ?? 0,
      conditions: conditionsFrom(conditions, former?.conditions, judgement),
    };
  });
  const isProgrammed = listeners.every(({ conditions }) =>
    conditions.some(({ type, status }) => type === "Programmed" && status === "True"),
  );
  const addresses = gatewayAddresses(instance, cluster);
  return {
    ...(addresses.length > 0 && { addresses }),
    conditions: conditionsFrom(
      [
        { type: "Accepted", status: "True", reason: "Accepted" },
        isProgrammed
          ? { type: "Programmed", status: "True", reason: "Programmed" }
          : { type: "Programmed", status: "False", reason: "Invalid" },
      ],
      before?.conditions,
      judgement,
    ),
    listeners,
  };
}

function supportedKinds({ allowedRoutes }: Listener) {
  const { kinds = [] } = allowedRoutes ?? {};
  return kinds.length === 0 ? [{ group: gatewayApiGroup, kind: "HTTPRoute" }] : kinds.filter(isHttpRouteKind);
}

/** How many routes each listener carries. */
function attachedRoutes(gateway: KubernetesObject, cluster: ClusterView): Map<string, number> {
  const counts = new Map<string, number>();
  const { namespace, name } = gateway.metadata;
  for (const route of cluster.objects(gatewayApiKinds.httpRoute)) {
    const refs = (routeSpec(route).parentRefs ?? []).filter(
      (ref) => isGatewayRef(ref) && ref.name === name && (ref.namespace ?? route.metadata.namespace) === namespace,
    );
    const attached = refs.map((ref) => attach(route, ref, gateway, cluster));
    const carrying = new Set(attached.flatMap((one) => (one.outcome === "Accepted" ? one.listeners.map((listener) => listener.name) : [])));
    for (const listener of carrying) counts.set(listener, (counts.get(listener) ?? 0) + 1);
  }
  return counts;
}

/** What the load balancer says; for a Service that only the cluster reaches, its own address. */
function gatewayAddresses(instance: KubernetesObject | undefined, cluster: ClusterView): NonNullable<GatewayStatus["addresses"]> {
  if (instance === undefined) return [];
  const { loadBalancer } = (instance.status ?? {}) as GatewayInstanceStatus;
  const addresses = (loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => [
    ...(ip ? [{ type: "IPAddress", value: ip }] : []),
    ...(hostname ? [{ type: "Hostname", value: hostname }] : []),
  ]);
  if (addresses.length > 0 || gatewayInstanceSpec(instance).serviceType !== "ClusterIP") return addresses;
  const { namespace = "", name } = instance.metadata;
  const { clusterIP } = (cluster.object(clusterKinds.service, { namespace, name })?.spec ?? {}) as ServiceSpec;
  return clusterIP && clusterIP !== "None" ? [{ type: "IPAddress", value: clusterIP }] : [];
}
