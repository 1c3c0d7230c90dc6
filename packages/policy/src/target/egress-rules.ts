import { matchesTags } from "../selector.ts";
import type { Tags } from "../selector.ts";
import { comparePolicies } from "./policy-order.ts";
import { fromRules } from "./proxy-rules.ts";
import type { FromRules } from "./proxy-rules.ts";
import { resourceRules } from "./resource-rules.ts";
import type { ResourceRules } from "./resource-rules.ts";
import type { MeshResources } from "./resolve-target.ts";
import { entriesOf, shapeOf } from "./rule-entry.ts";
import { tagRules } from "./tag-rules.ts";
import { isShadow, topOf } from "./target-ref.ts";
import type { TargetedPolicy, TargetRef } from "./target-ref.ts";

export interface EgressRules {
  /** Who calls a service that is known by tags. */
  from: FromRules;
  /** Resources that are called. */
  resources: ResourceRules;
}

/**
 * Rules at a zone egress for one service. It stands for the service, so that a policy with `from` is for it by its top reference; of
 * one with `to` alone the ends change sides: the top reference says who calls.
 */
export function egressRules(type: string, serviceTags: Tags, mesh: MeshResources): EgressRules {
  const policies = (mesh.resources(type) as readonly TargetedPolicy[]).filter((policy) => !isShadow(policy));
  const shape = shapeOf(type);
  // All clients share it: what is for some of them alone has no say on what it calls.
  const forAll = policies.filter((policy) => topOf(policy).kind === "Mesh");
  const resources = shape.to ? resourceRules(forAll, mesh) : new Map<string, never>();
  if (shape.from) {
    const selected = policies.filter((policy) => selectsService(topOf(policy), serviceTags)).toSorted(comparePolicies);
    return { from: fromRules(selected), resources };
  }
  const turned = policies
    .toSorted(comparePolicies)
    .flatMap((policy) => entriesOf(policy, policy.spec.to))
    .filter(({ ref }) => selectsService(ref, serviceTags))
    .map((entry) => ({ ...entry, index: 0, ref: topOf(entry.policy) }));
  return { from: { rules: tagRules(turned, false), all: undefined }, resources };
}

function selectsService({ kind, name, tags: wanted }: TargetRef, tags: Tags): boolean {
  switch (kind) {
    case "Mesh":
      return true;
    case "MeshSubset":
      return matchesTags(wanted, tags);
    case "MeshService":
      return tags["kuma.io/service"] === name;
    case "MeshServiceSubset":
      return tags["kuma.io/service"] === name && matchesTags(wanted, tags);
    default:
      return false;
  }
}
