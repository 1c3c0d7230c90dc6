import { documentOf, isSecretType, type KubernetesObject, resourceOfObject } from "@atoll/kubernetes";
import { type Kind, label, parseDocument, type Violation } from "@atoll/resource";
import { type AdmissionPlace, judgeOperation } from "./judge-operation.ts";
import { type AdmissionRequest, type AdmissionVerdict, allowed, errored, forbidden, invalid } from "./review.ts";

/** What the rules across resources ask of the log and the cluster. */
export interface AdmissionLookup {
  hasMesh(name: string): boolean;
  hasDataplanes(mesh: string): boolean;
  /** On global: is the zone's control plane in session? */
  isConnected(zone: string): boolean;
  /** Why a Secret is in use by its mesh; undefined: it is not. */
  secretUse(mesh: string, name: string): string | undefined;
  /** Meshes with proxies, zones that are connected and Secrets in use may be deleted. */
  readonly unsafeDelete: boolean;
}

/** May an object of a resource be written so? */
export function validateObject(request: AdmissionRequest, place: AdmissionPlace, lookup: AdmissionLookup): AdmissionVerdict {
  const object = (request.operation === "DELETE" ? request.oldObject : request.object) ?? undefined;
  if (object === undefined) return request.kind.group === "kuma.io" ? errored(400, "there is no content to decode") : allowed;
  if (object.kind === "ContainerPatch") return judgeContainerPatch(request, place);
  const kind = resourceOfObject(object);
  if (kind === undefined || isSecretType(kind.type)) return allowed;
  const namespace = request.namespace ?? "";
  const permission = judgeOperation(kind, object, namespace, request.userInfo.username ?? "", place);
  if (!permission.allowed) return permission;
  if (request.operation === "DELETE") return judgeDelete(kind, object, lookup);
  return judgeContent(kind, object, request.oldObject ?? undefined, lookup);
}

function judgeContent(
  kind: Kind,
  object: KubernetesObject,
  before: KubernetesObject | undefined,
  lookup: AdmissionLookup,
): AdmissionVerdict {
  const document = documentOf(object)!;
  if (kind.scope === "mesh" && document.mesh === "") return invalid(object, [{ field: "mesh", reason: "cannot be empty" }]);
  const origin = object.metadata.labels?.[label.origin];
  if (origin !== undefined && origin !== "global" && origin !== "zone") {
    return invalid(object, [{ field: `labels["${label.origin}"]`, reason: `unknown resource origin ${JSON.stringify(origin)}` }]);
  }
  const parsed = parseDocument(document.body, { kind });
  if (!parsed.ok) {
    if (parsed.parseError !== undefined) return errored(400, parsed.parseError);
    return invalid(object, parsed.violations.map(underSpec(kind)));
  }
  if (kind.type === "Dataplane" && !lookup.hasMesh(document.mesh)) {
    return errored(500, `Resource not found: type="Mesh" name=${JSON.stringify(document.mesh)} mesh=""`);
  }
  const faults = kind.type === "Mesh" ? switchedAuthority(object, before) : [];
  if (faults.length > 0) return invalid(object, faults);
  const warnings = kind.deprecations?.(parsed.resource.spec) ?? [];
  return { allowed: true, ...(warnings.length > 0 && { warnings }) };
}

/** Paths of the older kinds begin below `spec`. */
const underSpec =
  ({ plugin }: Kind) =>
  ({ field, reason }: Violation): Violation => ({ field: plugin ? field : field === "" ? "spec" : `spec.${field}`, reason });

function switchedAuthority(now: KubernetesObject, before: KubernetesObject | undefined): Violation[] {
  const backend = (object: KubernetesObject | undefined) =>
    (object?.spec as { mtls?: { enabledBackend?: string } } | undefined)?.mtls?.enabledBackend ?? "";
  const [old, next] = [backend(before), backend(now)];
  if (old === "" || next === "" || old === next) return [];
  const reason = "Changing CA when mTLS is enabled is forbidden. Disable mTLS first and then change the CA";
  return [{ field: "spec.mtls.enabledBackend", reason }];
}

function judgeDelete(kind: Kind, { metadata: { name } }: KubernetesObject, lookup: AdmissionLookup): AdmissionVerdict {
  if (lookup.unsafeDelete) return allowed;
  if (kind.type === "Mesh" && lookup.hasDataplanes(name)) {
    return errored(400, "mesh: unable to delete mesh, there are still some dataplanes attached");
  }
  if (kind.type === "Zone" && lookup.isConnected(name)) {
    return errored(400, "zone: unable to delete Zone, Zone CP is still connected, please shut it down first");
  }
  return allowed;
}

function judgeContainerPatch({ operation, namespace }: AdmissionRequest, { systemNamespace }: AdmissionPlace): AdmissionVerdict {
  if (operation === "DELETE" || namespace === systemNamespace) return allowed;
  return forbidden(
    `ContainerPatch can only be placed in ${systemNamespace} namespace. It can be however referenced by pods in all namespaces`,
  );
}
