import type { PolicyShape } from "./policy-shape.ts";
import { policyShapes } from "./policy-shape.ts";
import type { TargetedItem, TargetedPolicy, TargetRef } from "./target-ref.ts";

/** One entry of a policy, with all that order and merging ask for. */
export interface RuleEntry {
  policy: TargetedPolicy;
  /** Index in `from`, `to` or `rules`. */
  index: number;
  /** Which proxies are at the other end. */
  ref: TargetRef;
  conf: unknown;
}

/** A policy that a configuration was merged from. */
export interface RuleOrigin {
  policy: TargetedPolicy;
  index: number;
}

/** Which of the origins said where the traffic of a rule of a route goes: indexes of the origins by the rule's name. */
export type BackendOrigins = Readonly<Record<string, number>>;

export const entriesOf = (policy: TargetedPolicy, items: readonly TargetedItem[] | undefined): RuleEntry[] => {
  const shape = shapeOf(policy.type);
  return (items ?? []).map((item, index) => ({ policy, index, ref: item.targetRef ?? { kind: "Mesh" }, conf: shape.confOf(item) }));
};

export function shapeOf(type: string): PolicyShape {
  const shape = policyShapes[type];
  if (!shape) throw new Error(`${type} is no kind of policy with a targetRef`);
  return shape;
}

/** The policies of some entries in the order of the entries, each once, or once for each of its entries. */
export function originsOf(entries: readonly RuleEntry[], each: "policy" | "entry"): { origins: RuleOrigin[]; backends: BackendOrigins } {
  const origins = new Map<string, RuleOrigin>();
  const backends: Record<string, number> = {};
  for (const { policy, index, conf } of entries) {
    const key = JSON.stringify([policy.mesh, policy.name, each === "entry" ? index : 0]);
    if (origins.has(key)) continue;
    for (const rule of shapeOf(policy.type).backendRules(conf)) backends[rule] = origins.size;
    origins.set(key, { policy, index });
  }
  return { origins: [...origins.values()], backends };
}
