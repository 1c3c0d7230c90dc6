import { type KubernetesObject, type Place } from "@atoll/kubernetes";
import { type Kind, label, policyRole } from "@atoll/resource";
import { type AdmissionVerdict, allowed, forbidden } from "./review.ts";

/** Where a control plane's webhooks are asked. */
export interface AdmissionPlace extends Place {
  /** Users who may write everything: the control plane itself, and who cleans up for the cluster. */
  readonly allowedUsers: readonly string[];
  readonly disableOriginLabelValidation: boolean;
}

/** Who deletes what belongs to something else that is gone: without them nothing of a mesh could ever go. */
export const collectors: readonly string[] = [
  "system:serviceaccount:kube-system:generic-garbage-collector",
  "system:serviceaccount:kube-system:namespace-controller",
];

const onlyInSystemNamespace = new Set(["HostnameGenerator", "MeshExternalService"]);

/** May this user write an object of this kind here? The checks in the order in which clients know them; a deleted object is judged as it was. */
export function judgeOperation(
  kind: Kind,
  object: KubernetesObject,
  namespace: string,
  user: string,
  place: AdmissionPlace,
): AdmissionVerdict {
  if (place.allowedUsers.includes(user)) return allowed;
  const { mode, systemNamespace } = place;
  if (namespace !== "" && namespace !== systemNamespace) {
    if (mode === "global") return forbidden(`on Global CP the policy can be created only in the system namespace:${systemNamespace}`);
    if (onlyInSystemNamespace.has(kind.type)) {
      return forbidden(`resource type ${kind.type} can be created only in the system namespace:${systemNamespace}`);
    }
  }
  if (isReadOnly(kind, mode)) return forbidden(elsewhere(kind, mode));
  if (mode !== "zone" || !kind.plugin) return allowed;
  const { labels = {} } = object.metadata;
  if (!place.disableOriginLabelValidation && namespace === systemNamespace && labels[label.origin] !== "zone") {
    return forbidden(`Operation not allowed. Applying policies on Zone CP requires '${label.origin}' label to be set to 'zone'.`, {
      causes: [{ reason: "FieldValueInvalid", field: `metadata.labels[${label.origin}]`, message: "cannot be empty" }],
    });
  }
  const zone = labels[label.zone];
  if (labels[label.origin] !== undefined && labels[label.origin] !== "global" && zone !== undefined && zone !== place.zone) {
    return forbidden(`Operation not allowed. ${label.zone} label should have ${place.zone} value, got ${zone}`);
  }
  const role = kind.policy ? policyRole(kind, object.spec, namespace, systemNamespace) : undefined;
  return role && "fault" in role ? forbidden(role.fault) : allowed;
}

/** Is the kind written elsewhere, or by control planes alone? A zone alone writes what either of both may. */
function isReadOnly(kind: Kind, mode: Place["mode"]): boolean {
  if (kind.readOnly) return true;
  return mode !== "standalone" && !kind.writableOn[mode];
}

function elsewhere({ type }: Kind, mode: Place["mode"]): string {
  const [here, there] = mode === "global" ? ["GLOBAL", "ZONE"] : ["ZONE", "GLOBAL"];
  return `Operation not allowed. Kuma resources like ${type} can be updated or deleted only from the ${there} control plane and not from a ${here} control plane.`;
}
