import { clusterKinds, gatewayApiKinds, gatewayKinds, meshOf, requireResourceKind } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import { label, tag } from "@atoll/resource";
import type { Clock } from "../conditions.ts";
import type { ClusterView, Controller, Desired } from "../controller.ts";
import type { GatewayConfigSpec } from "../gateway-instances/gateway-instance-spec.ts";
import { controllerReference, ownedByReference } from "../owner.ts";
import { serviceTag } from "../service-tag.ts";
import { listenerCertificates, secretTarget } from "./certificates.ts";
import { copyName } from "./copied-secret-controller.ts";
import { gatewaySpec, isGatewayRef, type Listener, routeSpec } from "./gateway-api-objects.ts";
import { classesOfConfig, judgeClass, ownerOfGateway } from "./gateway-class-controller.ts";
import { gatewayStatus } from "./gateway-status.ts";
import { isHttpRouteKind } from "./attachment.ts";
import { judgeListeners, listenerConditions, type RefusedListener } from "./listeners.ts";
import { ownedByLabel, ownerAnnotations, ownerLabels } from "./owner-label.ts";
import { concernedByGrant, groupKindText } from "./reference-grants.ts";

const gatewayKind = gatewayApiKinds.gateway;
const instanceKind = gatewayKinds.meshGatewayInstance;
const meshGateway = requireResourceKind("MeshGateway");

/** Makes a MeshGateway and a MeshGatewayInstance of every Gateway of Atoll's classes. */
export const gatewayController = ({ now }: { now: Clock }): Controller => ({
  name: "gateways",
  reconciles: gatewayKind,
  owns: [ownedByLabel(meshGateway), ownedByReference(instanceKind, gatewayKind)],
  watches: [
    { kind: gatewayApiKinds.httpRoute, concerns: (route) => gatewaysOfRoute(route) },
    { kind: gatewayApiKinds.gatewayClass, concerns: ({ metadata }, cluster) => gatewaysOfClass(metadata.name, cluster) },
    {
      kind: gatewayKinds.meshGatewayConfig,
      concerns: ({ metadata }, cluster) => classesOfConfig(metadata.name, cluster).flatMap(({ name }) => gatewaysOfClass(name, cluster)),
    },
    { kind: gatewayApiKinds.referenceGrant, concerns: (grant, cluster) => concernedByGrant(grant, "gateway", cluster) },
    { kind: clusterKinds.secret, concerns: gatewaysOfSecret },
    // A namespace's labels decide on its mesh, and on what listeners anywhere take from it.
    { kind: clusterKinds.namespace, concerns: (_changed, cluster) => keys(cluster.objects(gatewayKind)) },
  ],
  reconcile: (gateway, cluster) => reconcile(gateway, cluster, now),
});

function reconcile(gateway: KubernetesObject, cluster: ClusterView, now: Clock): Desired | undefined {
  const { name, namespace = "", deletionTimestamp } = gateway.metadata;
  const owner = ownerOfGateway(gateway, cluster);
  if (owner === "unknown" || deletionTimestamp !== undefined) return undefined;
  if (owner === "other") return { objects: [] };
  const verdict = judgeClass(owner.gatewayClass, cluster);
  if ("fault" in verdict) return undefined;
  const { config } = verdict;
  const mesh = meshOf(gateway, cluster.object(clusterKinds.namespace, { name: namespace }));
  const { listeners, judged } = meshListeners(gateway, mesh, config, cluster);

  // Where no listener can be made, what is there stays: a mistake in one document is no reason to take a gateway away.
  const present = [cluster.object(meshGateway, { name: `${name}.${namespace}` }), cluster.object(instanceKind, { namespace, name })];
  const instance = present[1];
  const status = gatewayStatus(gateway, { judged, instance, cluster, now });
  if (listeners.length === 0) return { objects: [], kept: present.filter((object) => object !== undefined), status };
  return { objects: [meshGatewayObject(gateway, mesh, listeners), instanceObject(gateway, mesh, config)], status };
}

/** The listeners of the MeshGateway, and what is to be said of each of the Gateway's, in its order. */
function meshListeners(gateway: KubernetesObject, mesh: string, config: GatewayConfigSpec, cluster: ClusterView) {
  const { namespace = "" } = gateway.metadata;
  const crossMesh = config.crossMesh === true;
  const all = gatewaySpec(gateway).listeners ?? [];
  const { valid, refused } = judgeListeners(all, crossMesh);
  const listeners: object[] = [];
  const judged = new Map<string, RefusedListener>(refused.map((one) => [one.listener.name, one]));
  for (const listener of valid) {
    const certificates = listenerCertificates(listener, namespace, cluster);
    if ("secrets" in certificates) {
      const { hostname = "*", port, protocol, name } = listener;
      const secrets = certificates.secrets.map((secret) => ({ secret: copyName(secret, mesh, cluster) }));
      listeners.push({
        port,
        protocol,
        hostname,
        // Routes refer to a Gateway's listeners directly, so that each has a tag of its own.
        tags: { [tag.listenerName]: name, [tag.listenerPort]: String(port) },
        ...(crossMesh && { crossMesh }),
        ...(secrets.length > 0 && { tls: { mode: "TERMINATE", certificates: secrets } }),
      });
    }
    const unresolved = unsupportedKinds(listener) ?? ("secrets" in certificates ? undefined : certificates);
    judged.set(listener.name, { listener, conditions: listenerConditions(unresolved) });
  }
  return { listeners, judged: all.flatMap(({ name }) => judged.get(name) ?? []) };
}

function unsupportedKinds({ allowedRoutes }: Listener): { reason: string; message: string } | undefined {
  const unsupported = (allowedRoutes?.kinds ?? []).filter((one) => !isHttpRouteKind(one));
  if (unsupported.length === 0) return undefined;
  const names = unsupported.map(({ group = gatewayKind.group, kind }) => groupKindText({ group, kind }));
  return { reason: "InvalidRouteKinds", message: `unexpected RouteGroupKind ${JSON.stringify(names.join(", "))}` };
}

/** Cluster-wide under the name `name.namespace`, so that its label says whose it is. */
function meshGatewayObject({ metadata: { name, namespace = "" } }: KubernetesObject, mesh: string, listeners: object[]): KubernetesObject {
  const key = { namespace, name };
  return {
    apiVersion: `${meshGateway.group}/${meshGateway.version}`,
    kind: meshGateway.kind,
    mesh,
    metadata: { name: `${name}.${namespace}`, labels: ownerLabels(key), ...ownerAnnotations(key) },
    spec: { selectors: [{ match: { [tag.service]: serviceTag(key) } }], conf: { listeners } },
  };
}

function instanceObject(
  gateway: KubernetesObject,
  mesh: string,
  { crossMesh: _listeners, tags, ...common }: GatewayConfigSpec,
): KubernetesObject {
  const { [tag.service]: _generated, ...own } = tags ?? {};
  return {
    apiVersion: `${instanceKind.group}/${instanceKind.version}`,
    kind: instanceKind.kind,
    metadata: {
      name: gateway.metadata.name,
      ...(gateway.metadata.namespace !== undefined && { namespace: gateway.metadata.namespace }),
      labels: { [label.mesh]: mesh },
      ownerReferences: [controllerReference(gateway)],
    },
    spec: { replicas: 1, serviceType: "LoadBalancer", ...common, ...(Object.keys(own).length > 0 && { tags: own }) },
  };
}

function* gatewaysOfRoute({ metadata, spec }: KubernetesObject): Iterable<ObjectKey> {
  for (const ref of routeSpec({ spec } as KubernetesObject).parentRefs ?? [])
    if (isGatewayRef(ref)) yield { namespace: ref.namespace ?? metadata.namespace ?? "", name: ref.name };
}

const gatewaysOfClass = (name: string, cluster: ClusterView): ObjectKey[] =>
  keys([...cluster.objects(gatewayKind)].filter((gateway) => gatewaySpec(gateway).gatewayClassName === name));

function gatewaysOfSecret({ metadata }: KubernetesObject, cluster: ClusterView): ObjectKey[] {
  const refersTo = ({ metadata: { namespace = "" }, spec }: KubernetesObject) =>
    (gatewaySpec({ spec } as KubernetesObject).listeners ?? []).some(({ tls }) =>
      (tls?.certificateRefs ?? []).some((ref) => {
        const target = secretTarget(ref, namespace);
        return target.name === metadata.name && target.namespace === metadata.namespace;
      }),
    );
  return keys([...cluster.objects(gatewayKind)].filter(refersTo));
}

const keys = (objects: Iterable<KubernetesObject>): ObjectKey[] =>
  [...objects].map(({ metadata: { namespace = "", name } }) => ({ namespace, name }));
