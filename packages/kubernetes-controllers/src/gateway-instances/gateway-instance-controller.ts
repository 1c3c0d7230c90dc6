import { annotation, AnnotationError, clusterKinds, gatewayKinds, meshOf, requireResourceKind } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import { chooseDataplanePolicy } from "@atoll/policy";
import { tag } from "@atoll/resource";
import type { MeshGatewaySpec } from "@atoll/resource";
import { type Clock, type ConditionDraft, conditionsFrom } from "../conditions.ts";
import type { ClusterView, Controller, Desired } from "../controller.ts";
import { ownedByReference } from "../owner.ts";
import { keyOfServiceTag, serviceTag } from "../service-tag.ts";
import { gatewayDeployment, type ProxyContainer } from "./gateway-deployment.ts";
import { gatewayInstanceSpec } from "./gateway-instance-spec.ts";
import { gatewayReadiness, type GatewayInstanceStatus, loadBalancerStatus, noGatewayMatched, notDeployable } from "./gateway-readiness.ts";
import { gatewayService } from "./gateway-service.ts";

export interface GatewayInstanceOptions {
  /**
   * The container of a proxy in the mesh, as injection makes it for what has these annotations. Throws an AnnotationError, with what to tell their author.
   */
  proxyContainer(annotations: Readonly<Record<string, string>>, mesh: string): ProxyContainer;
  now: Clock;
}

const instanceKind = gatewayKinds.meshGatewayInstance;
const meshGateway = requireResourceKind("MeshGateway");

/** Makes a Deployment and a Service of every MeshGatewayInstance. */
export const gatewayInstanceController = (options: GatewayInstanceOptions): Controller => ({
  name: "gateway-instances",
  reconciles: instanceKind,
  owns: [ownedByReference(clusterKinds.service, instanceKind), ownedByReference(clusterKinds.deployment, instanceKind)],
  watches: [
    { kind: meshGateway, concerns: instancesOfGateway },
    { kind: clusterKinds.namespace, concerns: ({ metadata }, cluster) => keys(cluster.objects(instanceKind, metadata.name)) },
    {
      kind: clusterKinds.horizontalPodAutoscaler,
      concerns: ({ metadata }, cluster) => keys(cluster.objects(instanceKind, metadata.namespace)),
    },
  ],
  reconcile: (instance, cluster) => reconcile(instance, cluster, options),
});

function reconcile(instance: KubernetesObject, cluster: ClusterView, { proxyContainer, now }: GatewayInstanceOptions): Desired | undefined {
  const { name, namespace = "", generation } = instance.metadata;
  const home = cluster.object(clusterKinds.namespace, { name: namespace });
  if (instance.metadata.deletionTimestamp !== undefined || home === undefined || home.metadata.deletionTimestamp !== undefined)
    return undefined;
  const key = { namespace, name };
  const mesh = meshOf(instance, home);
  const tags = tagsOf(instance);
  const gateway = chooseDataplanePolicy(gatewaysOf(mesh, cluster), [tags])?.spec;
  const service = ownChild(cluster.object(clusterKinds.service, key), instance);
  const deployment = ownChild(cluster.object(clusterKinds.deployment, key), instance);

  const objects: KubernetesObject[] = [];
  const kept: KubernetesObject[] = [];
  let fault: string | undefined;
  // Without a gateway nothing is made, and nothing that is there is taken away: a MeshGateway that is renamed is away for a moment.
  if (gateway !== undefined || service !== undefined) {
    objects.push(gatewayService(instance, gateway, service));
    try {
      // To injection a gateway would be a delegated one.
      const { [annotation.gateway]: _builtin, ...annotations } = {
        ...instance.metadata.annotations,
        ...gatewayInstanceSpec(instance).podTemplate?.metadata?.annotations,
      };
      const proxy = proxyContainer(annotations, mesh);
      objects.push(gatewayDeployment(instance, { mesh, tags, proxy, scaled: isScaled(key, cluster) ? deployment : undefined }));
    } catch (error) {
      if (!(error instanceof AnnotationError)) throw error;
      fault = error.message;
    }
  }
  if (deployment !== undefined && !objects.some(({ kind }) => kind === deployment.kind)) kept.push(deployment);

  const before = instance.status as GatewayInstanceStatus | undefined;
  const draft: ConditionDraft =
    gateway === undefined ? noGatewayMatched(mesh) : fault === undefined ? gatewayReadiness(service, deployment) : notDeployable(fault);
  const loadBalancer = gateway === undefined ? before?.loadBalancer : loadBalancerStatus(service);
  const status: GatewayInstanceStatus = {
    conditions: conditionsFrom([draft], before?.conditions, { now, generation }),
    ...(loadBalancer !== undefined && { loadBalancer }),
  };
  return {
    objects,
    ...(kept.length > 0 && { kept }),
    status,
    ...(fault !== undefined && { events: [{ type: "Warning", reason: "FailedToGenerateGateway", message: fault }] }),
  };
}

/** What the proxies of an instance carry; the service is made of its name, unless an instance of a time before that was forbidden says its own. */
const tagsOf = (instance: KubernetesObject): Record<string, string> => ({
  [tag.service]: serviceTag(instance.metadata),
  ...gatewayInstanceSpec(instance).tags,
});

function gatewaysOf(mesh: string, cluster: ClusterView) {
  return [...cluster.objects(meshGateway)]
    .filter((object) => object.mesh === mesh && object.metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec }) => ({
      name: metadata.name,
      creationTime: metadata.creationTimestamp ?? "",
      spec: { selectors: [], ...(spec as Partial<MeshGatewaySpec>), conf: { listeners: [], ...(spec as Partial<MeshGatewaySpec>).conf } },
    }));
}

function ownChild(child: KubernetesObject | undefined, { metadata }: KubernetesObject): KubernetesObject | undefined {
  return child?.metadata.ownerReferences?.some(({ controller, uid }) => controller === true && uid === metadata.uid) ? child : undefined;
}

/** Does an autoscaler count the pods of the instance's Deployment? */
function isScaled({ namespace, name }: ObjectKey, cluster: ClusterView): boolean {
  return [...cluster.objects(clusterKinds.horizontalPodAutoscaler, namespace)].some(({ spec }) => {
    const target = (spec as { scaleTargetRef?: { kind?: string; name?: string } } | undefined)?.scaleTargetRef;
    return target?.kind === clusterKinds.deployment.kind && target.name === name;
  });
}

/** Those that the gateway's selectors name by their service, and those of another name that ask for the same tags. */
function* instancesOfGateway(gateway: KubernetesObject, cluster: ClusterView): Iterable<ObjectKey> {
  for (const { match = {} } of (gateway.spec as Partial<MeshGatewaySpec> | undefined)?.selectors ?? []) {
    const service = match[tag.service];
    const named = service === undefined || service === "*" ? undefined : keyOfServiceTag(service);
    for (const instance of cluster.objects(instanceKind, named?.namespace)) {
      const tags = tagsOf(instance);
      if (Object.entries(match).every(([key, value]) => tags[key] === value || (value === "*" && tags[key] !== undefined)))
        yield keyOf(instance);
    }
  }
}

const keyOf = ({ metadata: { namespace, name } }: KubernetesObject): ObjectKey => ({ ...(namespace !== undefined && { namespace }), name });

const keys = (objects: Iterable<KubernetesObject>): ObjectKey[] => [...objects].map(keyOf);
