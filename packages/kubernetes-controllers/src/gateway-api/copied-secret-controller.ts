import { clusterKinds, gatewayApiKinds, meshOf, secretTypes } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import { label } from "@atoll/resource";
import type { ClusterView, Controller } from "../controller.ts";
import { secretTarget, tlsBundle, tlsSecretType } from "./certificates.ts";
import { gatewaySpec } from "./gateway-api-objects.ts";
import { ownGateways } from "./gateway-class-controller.ts";
import { ownedByLabel, ownerAnnotations, ownerLabels } from "./owner-label.ts";
import { concernedByGrant, isReferencePermitted } from "./reference-grants.ts";

/**
 * Copies the TLS Secrets that Gateways refer to into Secrets of their meshes, in the system namespace, where a MeshGateway's certificates are. A copy
 * follows its Secret and goes with the last Gateway that refers to it.
 */
export const copiedSecretController = ({ systemNamespace }: { systemNamespace: string }): Controller => ({
  name: "gateway-secrets",
  reconciles: clusterKinds.secret,
  owns: [ownedByLabel(clusterKinds.secret)],
  watches: [
    { kind: gatewayApiKinds.gateway, concerns: (gateway) => secretsOfGateway(gateway) },
    { kind: gatewayApiKinds.referenceGrant, concerns: secretsOfGrant },
    { kind: gatewayApiKinds.gatewayClass, concerns: (_changed, cluster) => secretsOfGateways(cluster.objects(gatewayApiKinds.gateway)) },
    {
      kind: clusterKinds.namespace,
      concerns: ({ metadata }, cluster) => secretsOfGateways(cluster.objects(gatewayApiKinds.gateway, metadata.name)),
    },
  ],
  reconcile(secret, cluster) {
    if (secret.type !== tlsSecretType) return undefined;
    const { namespace = "", name } = secret.metadata;
    const key = { namespace, name };
    const bundle = tlsBundle(secret);
    // A Secret that is broken for now leaves the gateways what they have.
    if ("fault" in bundle) return undefined;
    return {
      objects: meshesOfSecret(key, cluster).map((mesh) => ({
        apiVersion: "v1",
        kind: "Secret",
        metadata: {
          name: copyName(key, mesh, cluster),
          namespace: systemNamespace,
          labels: { [label.mesh]: mesh, ...ownerLabels(key) },
          ...ownerAnnotations(key),
        },
        type: secretTypes.Secret,
        data: { value: bundle.bytes.toString("base64") },
      })),
    };
  },
});

/**
 * The name that the copy of a Secret has for a mesh. Secrets of all meshes are in one namespace, so if Gateways of several meshes refer to one, that of
 * the oldest has the name, and the others add theirs.
 */
export function copyName(secret: ObjectKey, mesh: string, cluster: ClusterView): string {
  const name = `gapi-${secret.namespace}-${secret.name}`;
  const [first = mesh] = meshesOfSecret(secret, cluster);
  return mesh === first ? name : `${name}-${mesh}`;
}

/** The meshes of Gateways that may refer to a Secret and do, that of the oldest Gateway first. */
function meshesOfSecret(secret: ObjectKey, cluster: ClusterView): string[] {
  const referring = [...ownGateways(cluster)].filter((gateway) => {
    const { namespace = "" } = gateway.metadata;
    const target = secretTarget(secret, namespace);
    return (
      secretsOfGateway(gateway).some((key) => key.namespace === secret.namespace && key.name === secret.name) &&
      isReferencePermitted({ from: { kind: "Gateway", namespace }, to: target }, cluster)
    );
  });
  const age = ({ metadata: { creationTimestamp = "", namespace, name } }: KubernetesObject) => `${creationTimestamp} ${namespace}/${name}`;
  referring.sort((a, b) => (age(a) < age(b) ? -1 : 1));
  return [
    ...new Set(
      referring.map((gateway) => meshOf(gateway, cluster.object(clusterKinds.namespace, { name: gateway.metadata.namespace ?? "" }))),
    ),
  ];
}

function secretsOfGateway(gateway: KubernetesObject): ObjectKey[] {
  const refs = (gatewaySpec(gateway).listeners ?? []).flatMap(({ tls }) => tls?.certificateRefs ?? []);
  return refs.flatMap((ref) => {
    const { group, kind, namespace, name } = secretTarget(ref, gateway.metadata.namespace ?? "");
    return group === "" && kind === clusterKinds.secret.kind ? [{ namespace, name }] : [];
  });
}

const secretsOfGateways = (gateways: Iterable<KubernetesObject>): ObjectKey[] => [...gateways].flatMap(secretsOfGateway);

function* secretsOfGrant(grant: KubernetesObject, cluster: ClusterView): Iterable<ObjectKey> {
  for (const key of concernedByGrant(grant, "gateway", cluster)) {
    const gateway = cluster.object(gatewayApiKinds.gateway, key);
    if (gateway !== undefined) yield* secretsOfGateway(gateway);
  }
}
