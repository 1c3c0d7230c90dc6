import { compareAttributes, compareDisplayNames } from "./policy-order.ts";
import { entriesOf, originsOf, shapeOf } from "./rule-entry.ts";
import type { RuleOrigin } from "./rule-entry.ts";
import type { TargetedPolicy } from "./target-ref.ts";

/** What holds for everything that comes in. */
export interface InboundRule {
  conf: unknown;
  /** The weakest first. */
  origins: RuleOrigin[];
}

/** One rule of all `rules` of the policies of one type; `from` counts as `rules` where a policy has none. */
export function inboundRule(policies: readonly TargetedPolicy[]): InboundRule | undefined {
  const entries = policies
    .filter(({ type }) => shapeOf(type).rules)
    .flatMap((policy) => entriesOf(policy, policy.spec.rules?.length ? policy.spec.rules : policy.spec.from))
    .toSorted((a, b) => compareAttributes(a.policy, b.policy) || compareDisplayNames(a.policy, b.policy));
  if (entries.length === 0) return undefined;
  const [conf] = shapeOf(entries[0]!.policy.type).merge(entries.map((entry) => entry.conf));
  return { conf, origins: originsOf(entries, "entry").origins };
}
