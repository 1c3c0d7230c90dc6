import { documentOf, isSecretType, type KubernetesObject, resourceOfObject } from "@atoll/kubernetes";
import { type Kind, label, parseDocument, policyRole, sortedLabels, withComputedLabels, type ResourceDraft } from "@atoll/resource";
import { type AdmissionPlace, judgeOperation } from "./judge-operation.ts";
import { type AdmissionRequest, type AdmissionVerdict, allowed, errored } from "./review.ts";

/**
 * The object with what every write adds: the labels that say what it is and where it comes from, its display name, and the defaults of a Mesh. Labels
 * that are there already stay, but for those that nobody may choose.
 */
export function defaultObject(request: AdmissionRequest, place: AdmissionPlace): AdmissionVerdict {
  const { object } = request;
  if (object === undefined || object === null) return allowed;
  const kind = resourceOfObject(object);
  // The webhook hears of all kinds of the group, of which some are no resources: a MeshGatewayInstance.
  if (kind === undefined || isSecretType(kind.type)) return allowed;
  const namespace = object.metadata.namespace ?? "";
  const permission = judgeOperation(kind, object, request.namespace ?? "", request.userInfo.username ?? "", place);
  if (!permission.allowed) return permission;
  const document = documentOf(object)!;
  const parsed = kind.type === "Mesh" ? parseDocument(document.body, { kind }) : undefined;
  const computed = computedLabels(kind, object, namespace, place);
  if ("fault" in computed) return errored(500, computed.fault);
  const { metadata } = object;
  return {
    allowed: true,
    object: {
      ...object,
      metadata: {
        ...metadata,
        ...(Object.keys(computed.labels).length > 0 && { labels: computed.labels }),
        annotations: { ...metadata.annotations, [label.displayName]: document.labels[label.displayName]! },
      },
      ...(parsed?.ok && { spec: parsed.resource.spec }),
    },
  };
}

function computedLabels(
  kind: Kind,
  object: KubernetesObject,
  namespace: string,
  { mode, zone, systemNamespace }: AdmissionPlace,
): { labels: Record<string, string> } | { fault: string } {
  const labels: Record<string, string> = { ...object.metadata.labels };
  const setIfAbsent = (name: string, value: string) => (labels[name] ??= value);
  if (kind.scope === "mesh") setIfAbsent(label.mesh, documentOf(object)!.mesh || "default");
  if (mode !== "global" && kind.sync.zoneToGlobal) {
    setIfAbsent(label.origin, "zone");
    if (labels[label.origin] !== "global") {
      setIfAbsent(label.zone, zone);
      setIfAbsent(label.env, "kubernetes");
    }
  }
  const isOwn = labels[label.origin] !== (mode === "global" ? "zone" : "global");
  if (namespace !== "" && isOwn) {
    setIfAbsent(label.kubernetesNamespace, namespace);
    if (kind.plugin && kind.policy) {
      const role = policyRole(kind, object.spec, namespace, systemNamespace);
      if ("fault" in role) return role;
      labels[label.policyRole] = role.role;
    }
  }
  const proxyType = proxyTypeOf(kind, object);
  if (proxyType !== undefined) labels[label.proxyType] = proxyType;
  return { labels: sortedLabels(labels) };
}

function proxyTypeOf(kind: Kind, { spec }: KubernetesObject): string | undefined {
  if (!["Dataplane", "ZoneIngress", "ZoneEgress"].includes(kind.type)) return undefined;
  const parsed = kind.parseSpec(spec);
  if (!("spec" in parsed)) return undefined;
  const draft: ResourceDraft = { type: kind.type, mesh: "", name: "", spec: parsed.spec };
  return withComputedLabels(draft, { global: true }).labels?.[label.proxyType];
}
