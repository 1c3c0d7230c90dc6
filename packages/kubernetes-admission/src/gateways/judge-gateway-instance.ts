import { type Violation, validateTags } from "@atoll/resource";

/** What an admission webhook hears of a MeshGatewayInstance. */
export interface GatewayInstanceReview {
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  /** Of the control plane beside the cluster. */
  readonly mode: "zone" | "global";
  /** As it would be from now on; nothing for a deletion. */
  readonly object?: { readonly spec?: unknown };
}

export type GatewayInstanceVerdict =
  | { readonly allowed: true }
  /** It has no place here, whatever it says: a "Forbidden" with this message. */
  | { readonly allowed: false; readonly denied: string }
  /** What it says is wrong: an "Invalid" with a cause for each. */
  | { readonly allowed: false; readonly violations: readonly Violation[] };

const onGlobal =
  "Operation not allowed. Kuma resources like MeshGatewayInstance can be created only from the 'zone' control plane and not from a 'global' control plane.";

/** May a MeshGatewayInstance be written so? Its shape has been checked by the API server. */
export function judgeGatewayInstance({ operation, mode, object }: GatewayInstanceReview): GatewayInstanceVerdict {
  if (operation === "CREATE" && mode === "global") return { allowed: false, denied: onGlobal };
  if (operation !== "CREATE" && operation !== "UPDATE") return { allowed: true };
  // The service of its proxies is made of its name, and a MeshGateway finds them by it.
  const { tags } = (object?.spec ?? {}) as { tags?: Record<string, string> };
  const violations = [...validateTags("tags", tags, { service: "forbidden" })];
  return violations.length === 0 ? { allowed: true } : { allowed: false, violations };
}
