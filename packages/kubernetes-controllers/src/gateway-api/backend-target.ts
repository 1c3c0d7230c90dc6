import { clusterKinds, group as kumaGroup, requireResourceKind } from "@atoll/kubernetes";
import { tag } from "@atoll/resource";
import type { ClusterView } from "../controller.ts";
import { serviceTag } from "../service-tag.ts";
import type { BackendReference } from "./gateway-api-objects.ts";
import { groupKindText, isReferencePermitted } from "./reference-grants.ts";

const externalService = requireResourceKind("ExternalService");

/** The `targetRef` of a MeshHTTPRoute's backend. */
export interface TargetRef {
  readonly kind: string;
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Whoever is routed there is answered 500. */
export const unresolvedBackend: TargetRef = { kind: "MeshService", name: "kuma.io/unresolved-backend" };

/** Why a reference leads nowhere: reason and message of the condition ResolvedRefs. */
export interface UnresolvedRef {
  readonly reason: "BackendNotFound" | "InvalidKind" | "RefNotPermitted";
  readonly message: string;
}

export interface BackendContext {
  /** The route's. */
  readonly namespace: string;
  readonly mesh: string;
  /** Of this control plane: a Service is one of its own cluster's. */
  readonly zone: string;
  /** What the route asks to carry it. Within the mesh no ReferenceGrant is needed: permissions are the mesh's. */
  readonly parent: "Gateway" | "Service";
  readonly cluster: ClusterView;
}

/** Where a route's backend reference leads. */
export function backendTarget(ref: BackendReference, context: BackendContext): { target: TargetRef; unresolved?: UnresolvedRef } {
  const { cluster, mesh, zone } = context;
  const to = { group: ref.group ?? "", kind: ref.kind ?? "Service", name: ref.name, namespace: ref.namespace ?? context.namespace };
  const nowhere = (reason: UnresolvedRef["reason"], message: string) => ({ target: unresolvedBackend, unresolved: { reason, message } });
  const path = JSON.stringify(`${to.namespace}/${to.name}`);
  if (context.parent === "Gateway" && !isReferencePermitted({ from: { kind: "HTTPRoute", namespace: context.namespace }, to }, cluster)) {
    return nowhere("RefNotPermitted", `reference to ${groupKindText(to)} ${path} not permitted by any ReferenceGrant`);
  }
  if (to.kind === "Service" && to.group === "") {
    if (cluster.object(clusterKinds.service, to) === undefined)
      return nowhere("BackendNotFound", `backend reference references a non-existent Service ${path}`);
    if (ref.port === undefined) return nowhere("BackendNotFound", `backend reference to Service ${path} needs a port`);
    return { target: { kind: "MeshServiceSubset", name: serviceTag(to, ref.port), tags: { [tag.zone]: zone } } };
  }
  if (to.kind === "ExternalService" && to.group === kumaGroup) {
    const external = cluster.object(externalService, { name: to.name });
    if (external?.mesh !== mesh)
      return nowhere("BackendNotFound", `backend reference references a non-existent ExternalService ${JSON.stringify(to.name)}`);
    const service = (external.spec as { tags?: Record<string, string> } | undefined)?.tags?.[tag.service] ?? "";
    return { target: { kind: "MeshService", name: service } };
  }
  return nowhere("InvalidKind", "backend reference must be Service or externalservice.kuma.io");
}
