import { gatewayApiKinds, gatewayKinds, group } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import { type Clock, type Condition, conditionsFrom } from "../conditions.ts";
import type { ClusterView, Controller } from "../controller.ts";
import type { GatewayConfigSpec } from "../gateway-instances/gateway-instance-spec.ts";
import { classSpec, controllerName, gatewaySpec } from "./gateway-api-objects.ts";

/** Keeps a GatewayClass while there are Gateways of it: https://gateway-api.sigs.k8s.io/reference/spec/#gatewayclass. */
const finalizer = "gateway-exists-finalizer.gateway.networking.k8s.io";

const classKind = gatewayApiKinds.gatewayClass;

/** Accepts the GatewayClasses that name Atoll as their controller. */
export const gatewayClassController = ({ now }: { now: Clock }): Controller => ({
  name: "gateway-classes",
  reconciles: classKind,
  owns: [],
  watches: [
    { kind: gatewayApiKinds.gateway, concerns: (gateway) => classKey(gateway) },
    { kind: gatewayKinds.meshGatewayConfig, concerns: ({ metadata }, cluster) => classesOfConfig(metadata.name, cluster) },
  ],
  reconcile(gatewayClass, cluster) {
    if (!isOwnClass(gatewayClass)) return undefined;
    const { metadata, status } = gatewayClass;
    const verdict = judgeClass(gatewayClass, cluster);
    const isUsed = [...cluster.objects(gatewayApiKinds.gateway)].some((gateway) => gatewaySpec(gateway).gatewayClassName === metadata.name);
    const others = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
    const before = status as { conditions?: Condition[] } | undefined;
    return {
      objects: [],
      finalizers: isUsed ? [...others, finalizer] : others,
      status: {
        ...before,
        conditions: conditionsFrom(
          [
            "fault" in verdict
              ? { type: "Accepted", status: "False", reason: "InvalidParameters", message: verdict.fault }
              : { type: "Accepted", status: "True", reason: "Accepted" },
          ],
          before?.conditions,
          { now, generation: metadata.generation },
        ),
      },
    };
  },
});

const isOwnClass = (gatewayClass: KubernetesObject): boolean => classSpec(gatewayClass).controllerName === controllerName;

/** How the Gateways of a class are to be served, or why they cannot be. */
export function judgeClass(gatewayClass: KubernetesObject, cluster: ClusterView): { config: GatewayConfigSpec } | { fault: string } {
  const { parametersRef } = classSpec(gatewayClass);
  if (parametersRef === undefined) return { config: {} };
  const { kind } = gatewayKinds.meshGatewayConfig;
  if (parametersRef.group !== group || parametersRef.kind !== kind) return { fault: `parametersRef must point to a ${kind}.${group}` };
  if (parametersRef.namespace) return { fault: "parametersRef must not refer to a namespace" };
  const config = cluster.object(gatewayKinds.meshGatewayConfig, { name: parametersRef.name });
  if (config === undefined) return { fault: "parametersRef could not be found" };
  const spec = (config.spec ?? {}) as GatewayConfigSpec;
  return { config: spec.crossMesh ? { ...spec, serviceType: "ClusterIP" } : spec };
}

/** Whose a Gateway is: Atoll's, by its class; another controller's; or not known, while the class is not there. */
export function ownerOfGateway(gateway: KubernetesObject, cluster: ClusterView): { gatewayClass: KubernetesObject } | "other" | "unknown" {
  const [key] = classKey(gateway);
  const gatewayClass = key && cluster.object(classKind, key);
  if (gatewayClass === undefined) return "unknown";
  return isOwnClass(gatewayClass) ? { gatewayClass } : "other";
}

/** The Gateways that are Atoll's. */
export function* ownGateways(cluster: ClusterView): Iterable<KubernetesObject> {
  for (const gateway of cluster.objects(gatewayApiKinds.gateway)) if (typeof ownerOfGateway(gateway, cluster) === "object") yield gateway;
}

function classKey(gateway: KubernetesObject): ObjectKey[] {
  const { gatewayClassName } = gatewaySpec(gateway);
  return gatewayClassName === undefined ? [] : [{ name: gatewayClassName }];
}

/** The classes of Atoll that are made with a MeshGatewayConfig. */
export function classesOfConfig(name: string, cluster: ClusterView): ObjectKey[] {
  return [...cluster.objects(classKind)]
    .filter((gatewayClass) => isOwnClass(gatewayClass) && classSpec(gatewayClass).parametersRef?.name === name)
    .map(({ metadata }) => ({ name: metadata.name }));
}
