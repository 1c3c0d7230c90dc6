import type { KubernetesObject } from "@atoll/kubernetes";
import type { Violation } from "@atoll/resource";

/** What an API server asks a webhook: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly name?: string;
  readonly namespace?: string;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly userInfo: { readonly username?: string };
  readonly object?: KubernetesObject | null;
  readonly oldObject?: KubernetesObject | null;
}

/** Why a request is not allowed, as the Status that `kubectl` shows. */
export interface AdmissionStatus {
  readonly status?: "Failure";
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly causes?: readonly { readonly reason: string; readonly field: string; readonly message: string }[];
  };
}

export type AdmissionVerdict =
  | { readonly allowed: true; readonly object?: KubernetesObject; readonly warnings?: readonly string[] }
  | { readonly allowed: false; readonly status: AdmissionStatus };

export const allowed: AdmissionVerdict = { allowed: true };

/** Whoever asks may not do this here. */
export const forbidden = (message: string, details?: AdmissionStatus["details"]): AdmissionVerdict => ({
  allowed: false,
  status: { status: "Failure", code: 403, reason: "Forbidden", message, ...(details && { details }) },
});

/** The request cannot be answered. */
export const errored = (code: number, message: string): AdmissionVerdict => ({ allowed: false, status: { code, message } });

/** What the object says is wrong, with a cause for each field. */
export const invalid = (object: Pick<KubernetesObject, "kind" | "metadata">, violations: readonly Violation[]): AdmissionVerdict => ({
  allowed: false,
  status: {
    status: "Failure",
    code: 422,
    reason: "Invalid",
    message: violations.map(({ field, reason }) => `${field}: ${reason}`).join("; "),
    details: {
      name: object.metadata.name,
      kind: object.kind,
      causes: violations.map(({ field, reason }) => ({ reason: "FieldValueInvalid", field, message: reason })),
    },
  },
});
