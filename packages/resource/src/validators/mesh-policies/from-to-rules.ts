import type { TargetRef } from "../../specs/plugin-policy.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateTargetRef } from "./target-ref.ts";

interface FromToRules<Conf> {
  from?: { targetRef: TargetRef; default?: Conf }[];
  to?: { targetRef: TargetRef; default?: Conf }[];
  rules?: { default?: Conf }[];
}

export const rulesInstead = "fields 'to' and 'from' must be empty when 'rules' is defined";

/** `rules` stands instead of `from` and `to`; something has to be there. The two sentences come in an order of each kind's own. */
export function* validateSections<Conf>(
  { from = [], to = [], rules = [] }: FromToRules<Conf>,
  order: "both first" | "none first",
): Violations {
  const both = rules.length > 0 && from.length + to.length > 0;
  const none = rules.length + from.length + to.length === 0;
  const said = [...(both ? [rulesInstead] : []), ...(none ? ["at least one of 'from', 'to' or 'rules' has to be defined"] : [])];
  for (const reason of order === "both first" ? said : said.toReversed()) yield violation("spec", reason);
}

/** Each item of a list: its reference, `also` what else there is to say of its kind, then its configuration. */
export function* validateItems<Conf>(
  path: string,
  items: readonly { targetRef: TargetRef; default?: Conf }[] | undefined,
  kinds: readonly TargetRef["kind"][],
  validate: (path: string, conf: Conf | undefined) => Violations,
  also?: (path: string, kind: TargetRef["kind"]) => Violations,
): Violations {
  for (const [index, item] of (items ?? []).entries()) {
    const ref = `${at(path, index)}.targetRef`;
    yield* validateTargetRef(ref, item.targetRef, { kinds });
    if (also) yield* also(ref, item.targetRef.kind);
    yield* validate(`${at(path, index)}.default`, item.default);
  }
}

export function* validateRules<Conf>(
  path: string,
  rules: readonly { default?: Conf }[] | undefined,
  validate: (path: string, conf: Conf | undefined) => Violations,
): Violations {
  for (const [index, rule] of (rules ?? []).entries()) yield* validate(`${at(path, index)}.default`, rule.default);
}

/** Whether the policy acts on inbounds. */
export const actsOnInbounds = ({ from = [], rules = [] }: { from?: unknown[]; rules?: unknown[] }): boolean =>
  from.length > 0 || rules.length > 0;

/** What an external service is asked is asked by the egress, for everybody in the mesh. */
export const outsideOnlyForAll = (top = "Mesh") =>
  function* (path: string, kind: string): Violations {
    if (kind !== "MeshExternalService" || top === "Mesh") return;
    yield violation(
      `${path}.kind`,
      "kind MeshExternalService is only allowed with targetRef.kind: Mesh as it is configured on the Zone Egress and shared by all clients in the mesh",
    );
  };
