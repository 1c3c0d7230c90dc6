import type { Kind } from "./kind.ts";

export type PolicyRole = "producer" | "consumer" | "workload-owner" | "system";

interface PolicySpec {
  readonly to?: readonly { readonly targetRef?: Reference }[];
  readonly from?: readonly unknown[];
}
interface Reference {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

/**
 * Whose policy one with a targetRef is, by its namespace and by whom it is towards: who provides a service says how it is called everywhere, who
 * calls some says so for its own namespace. `fault`: it is both at once.
 */
export function policyRole(
  kind: Kind,
  spec: unknown,
  namespace: string,
  systemNamespace: string,
): { role: PolicyRole } | { fault: string } {
  if (namespace === systemNamespace) return { role: "system" };
  const { to = [], from = [] } = (spec ?? {}) as PolicySpec;
  if (to.length > 0 && from.length > 0) return { fault: "it's not allowed to mix 'to' and 'from' arrays in the same policy" };
  if (to.length === 0) return { role: "workload-owner" };
  const producers = to.filter(({ targetRef }) => isOwnService(targetRef, namespace));
  if (producers.length === 0) return { role: "consumer" };
  if (producers.length === to.length) return { role: "producer" };
  return { fault: "it's not allowed to mix producer and consumer items in the same policy" };
}

const isOwnService = (reference: Reference | undefined, namespace: string): boolean =>
  reference?.kind === "MeshService" && Boolean(reference.name) && (!reference.namespace || reference.namespace === namespace);
