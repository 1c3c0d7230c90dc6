import { isCopy, type KubernetesObject, secretTypes } from "@atoll/kubernetes";
import { label, type Violation } from "@atoll/resource";
import type { AdmissionPlace } from "./judge-operation.ts";
import { type AdmissionRequest, type AdmissionVerdict, allowed, invalid } from "./review.ts";
import type { AdmissionLookup } from "./validate-object.ts";

const meshField = `metadata.labels["${label.mesh}"]`;
const meshOf = ({ metadata }: KubernetesObject): string => metadata.labels?.[label.mesh] || "default";

/** May a Secret of the two types that are resources be written or deleted so? */
export function judgeSecret(request: AdmissionRequest, place: AdmissionPlace, lookup: AdmissionLookup): AdmissionVerdict {
  const { operation, object, oldObject } = request;
  if (operation === "DELETE") return judgeDelete(oldObject ?? undefined, place, lookup);
  if (!object || (operation !== "CREATE" && operation !== "UPDATE")) return allowed;
  const violations: Violation[] = [];
  const { type } = object;
  if (type !== secretTypes.Secret && type !== secretTypes.GlobalSecret) return allowed;
  if (type === secretTypes.GlobalSecret && object.metadata.labels?.[label.mesh] !== undefined) {
    violations.push({ field: meshField, reason: "mesh cannot be set on global secret" });
  }
  if (type === secretTypes.Secret && oldObject && meshOf(object) !== meshOf(oldObject)) {
    const reason = "cannot change mesh of the Secret. Delete the Secret first and apply it again.";
    violations.push({ field: meshField, reason });
  }
  if (!(object["data"] as { value?: string } | undefined)?.value) violations.push({ field: "data.value", reason: "cannot be empty." });
  return violations.length > 0 ? invalid(object, violations) : allowed;
}

function judgeDelete(secret: KubernetesObject | undefined, place: AdmissionPlace, lookup: AdmissionLookup): AdmissionVerdict {
  if (secret?.["type"] !== secretTypes.Secret || lookup.unsafeDelete || isCopy(secret, place)) return allowed;
  const reason = lookup.secretUse(meshOf(secret), secret.metadata.name);
  return reason === undefined ? allowed : invalid(secret, [{ field: "name", reason }]);
}
