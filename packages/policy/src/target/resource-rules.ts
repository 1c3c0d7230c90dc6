import { compareAttributes, compareDisplayNames } from "./policy-order.ts";
import { referencedId, resourceIdOf, resourceIdText, wholeOf } from "./resource-id.ts";
import type { ResourceId } from "./resource-id.ts";
import { resolveTarget } from "./resolve-target.ts";
import type { MeshResources, ResourceSection } from "./resolve-target.ts";
import { entriesOf, originsOf, shapeOf } from "./rule-entry.ts";
import type { BackendOrigins, RuleEntry, RuleOrigin } from "./rule-entry.ts";
import { kindRank } from "./target-ref.ts";
import type { TargetedPolicy } from "./target-ref.ts";
import type { Resource } from "@atoll/resource";

/** What holds for one resource that can be called, or for one of its ports; of type Mesh, for all that have no rule of their own. */
export interface ResourceRule {
  resource: Resource;
  sectionName: string;
  /** One, but for routes one for each hostname. */
  confs: unknown[];
  /** The weakest first. */
  origins: RuleOrigin[];
  backends: BackendOrigins;
}

/** By the text of the resource's id. */
export type ResourceRules = ReadonlyMap<string, ResourceRule>;

/** Entries of `to` the weakest first. */
export const sortedToEntries = (policies: readonly TargetedPolicy[]): RuleEntry[] =>
  policies.flatMap((policy) => entriesOf(policy, policy.spec.to)).toSorted(compareTo);

function compareTo(a: RuleEntry, b: RuleEntry): number {
  const sections = a.ref.kind === "MeshService" && b.ref.kind === "MeshService";
  return (
    compareAttributes(a.policy, b.policy) ||
    kindRank(a.ref.kind) - kindRank(b.ref.kind) ||
    (sections ? Number(Boolean(a.ref.sectionName)) - Number(Boolean(b.ref.sectionName)) : 0) ||
    compareDisplayNames(a.policy, b.policy)
  );
}

/** The rules of the resources that some entry of `to` is for. Policies for a MeshHTTPRoute have no say on resources. */
export function resourceRules(policies: readonly TargetedPolicy[], mesh: MeshResources): ResourceRules {
  const resolved = sortedToEntries(policies).flatMap((entry) =>
    resolveTarget(entry.policy, entry.ref, mesh).map((section) => ({ entry, ...section })),
  );
  const targets = new Map(
    resolved.map(({ resource, sectionName }) => [resourceIdText(resourceIdOf(resource, sectionName)), { resource, sectionName }]),
  );
  return new Map(
    [...targets].flatMap(([id, target]): [string, ResourceRule][] => {
      const relevant = resolved.filter((one) => isRelevant(one, target)).map(({ entry }) => entry);
      if (relevant.length === 0) return [];
      const { origins, backends } = originsOf(relevant, "entry");
      const confs = shapeOf(relevant[0]!.policy.type).merge(relevant.map(({ conf }) => conf));
      return [[id, { ...target, confs, origins, backends }]];
    }),
  );
}

/** Whether what an entry is for is the target or has it within. */
function isRelevant(entry: ResourceSection, target: ResourceSection): boolean {
  if (entry.resource.type === "Mesh")
    return entry.resource.name === (target.resource.type === "Mesh" ? target.resource.name : target.resource.mesh);
  if (resourceIdText(resourceIdOf(entry.resource)) !== resourceIdText(resourceIdOf(target.resource))) return false;
  return entry.resource.type === "MeshExternalService" || entry.sectionName === target.sectionName || entry.sectionName === "";
}

/** The rule of a port: its own, that of the whole resource, or that of the mesh. */
export function resourceRuleFor(rules: ResourceRules, id: ResourceId): ResourceRule | undefined {
  const mesh = referencedId({ mesh: id.mesh } as Resource, { kind: "Mesh" });
  return rules.get(resourceIdText(id)) ?? rules.get(resourceIdText(wholeOf(id))) ?? rules.get(resourceIdText(mesh));
}
