import { label } from "@atoll/resource";
import type { Resource } from "@atoll/resource";
import { displayNameOf } from "./resource-id.ts";
import { kindRank, topOf } from "./target-ref.ts";
import type { TargetedPolicy, TargetRef } from "./target-ref.ts";

/** Who a policy is of, in Kubernetes by what it selects from where; the weakest first. Elsewhere all are the system's. */
export const policyRoles = ["system", "producer", "consumer", "workload-owner"] as const;

export const roleOf = ({ labels }: Resource): string => labels?.["kuma.io/policy-role"] || "system";

const originRank = ({ labels }: Resource): number => ({ global: 1, zone: 3 })[labels?.[label.origin] ?? ""] ?? 2;

const roleRank = (policy: Resource): number => policyRoles.findIndex((role) => role === roleOf(policy));

/** One Dataplane by its name is more than some by labels, and one of its inbounds more than all. */
function compareDataplanes(a: TargetRef, b: TargetRef): number {
  if (a.kind !== "Dataplane" || b.kind !== "Dataplane") return 0;
  if (a.name && b.labels) return 1;
  if (a.labels && b.name) return -1;
  return Number(Boolean(a.sectionName)) - Number(Boolean(b.sectionName));
}

const compareTops = (a: TargetRef, b: TargetRef): number => kindRank(a.kind) - kindRank(b.kind) || compareDataplanes(a, b);

/** Negative if `b` overrides `a`, as far as they differ in what they are for, where they come from and whose they are. */
export const compareAttributes = (a: TargetedPolicy, b: TargetedPolicy): number =>
  compareTops(topOf(a), topOf(b)) || originRank(a) - originRank(b) || roleRank(a) - roleRank(b);

/** The name that is first in the alphabet overrides. */
export function compareDisplayNames(a: Resource, b: Resource): number {
  const [nameA, nameB] = [displayNameOf(a), displayNameOf(b)];
  return nameA < nameB ? 1 : nameA > nameB ? -1 : 0;
}

/** Orders policies by strength, the weakest first. */
export function comparePolicies(a: TargetedPolicy, b: TargetedPolicy): number {
  const [topA, topB] = [topOf(a), topOf(b)];
  const gatewayTags = (top: TargetRef): number => (top.kind === "MeshGateway" ? Object.keys(top.tags ?? {}).length : 0);
  return (
    compareTops(topA, topB) ||
    originRank(a) - originRank(b) ||
    gatewayTags(topA) - gatewayTags(topB) ||
    roleRank(a) - roleRank(b) ||
    compareDisplayNames(a, b)
  );
}
