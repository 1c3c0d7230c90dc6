import { isDeepStrictEqual } from "node:util";
import { keyString, type Kind, type ResourceDraft, type Violation } from "@atoll/resource";
import { classify } from "./classify.ts";
import type { Source } from "./source.ts";

/**
 * What becomes of one resource. `create`: Atoll has none of that name. `replace`: it takes the place of what Atoll made itself at its
 * first start. `same`: it is there already. `conflict`: Atoll has another one, which somebody wrote; only replaced if told so.
 */
export type Outcome = "create" | "replace" | "same" | "conflict" | "left-out" | "invalid";

export interface PlannedResource {
  type: string;
  mesh: string;
  name: string;
  outcome: Outcome;
  /** Of what is left out. */
  why?: string;
  /** Of what is not valid. */
  violations?: readonly Violation[];
  draft?: ResourceDraft;
}

/** A resource as Atoll has it. */
export interface Existing {
  draft: ResourceDraft;
  revision: number;
  /** Nobody has written it since it was made. */
  untouched: boolean;
}

export interface Plan {
  source: string;
  resources: PlannedResource[];
  /** Revision each resource that was looked at is at, null = absent: what a write has to find unchanged. */
  expect: Record<string, number | null>;
}

export interface PlanOptions {
  /** What Atoll has now; undefined = nothing. */
  lookUp(kind: Kind, draft: ResourceDraft): Promise<Existing | undefined>;
  /** `Type/mesh/name` to leave out. */
  leaveOut: readonly string[];
  /** Takes the source's word where Atoll has something else. */
  overwrite: boolean;
}

/** Compares the source with what Atoll has. Nothing is written. */
export async function makePlan(source: Source, options: PlanOptions): Promise<Plan> {
  const plan: Plan = { source: source.name, resources: [], expect: {} };
  const unused = new Set(options.leaveOut);
  for (const one of classify(source.documents)) {
    const { type, mesh, name } = one;
    const planned = { type, mesh, name };
    const key = keyString(planned);
    if (unused.delete(key)) {
      plan.resources.push({ ...planned, outcome: "left-out", why: "you said so" });
    } else if (one.sort === "left-out") {
      plan.resources.push({ ...planned, outcome: "left-out", why: one.why });
    } else if (one.sort === "invalid") {
      plan.resources.push({ ...planned, outcome: "invalid", violations: one.violations });
    } else {
      const existing = await options.lookUp(one.kind, one.draft);
      plan.expect[key] = existing?.revision ?? null;
      plan.resources.push({
        ...planned,
        outcome: outcomeOf(one.draft, existing, options.overwrite),
        draft: one.draft,
      });
    }
  }
  for (const key of unused) plan.resources.push({ ...partsOf(key), outcome: "left-out", why: "the source does not have it" });
  return plan;
}

function outcomeOf(draft: ResourceDraft, existing: Existing | undefined, overwrite: boolean): Outcome {
  if (existing === undefined) return "create";
  if (isDeepStrictEqual(existing.draft.spec, draft.spec) && isDeepStrictEqual(ownLabels(existing.draft), ownLabels(draft))) return "same";
  return overwrite || (existing.untouched && isOfFirstStart(draft)) ? "replace" : "conflict";
}

/** Control planes add labels of their own to those that somebody wrote. */
const ownLabels = ({ labels = {} }: ResourceDraft): object =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !/^(k8s\.)?kuma\.io\//.test(key)));

const madeAtFirstStart = new Set([
  "Mesh//default",
  "Secret/default/dataplane-token-signing-key-default-1",
  "GlobalSecret//zone-token-signing-key-1",
  "GlobalSecret//user-token-signing-key-1",
  "GlobalSecret//admin-user-token",
  ...["MeshTimeout/mesh-timeout-all", "MeshTimeout/mesh-gateways-timeout-all", "MeshCircuitBreaker/mesh-circuit-breaker-all"].map(
    ofDefault,
  ),
  ...["MeshRetry/mesh-retry-all", "TrafficPermission/allow-all", "TrafficRoute/route-all"].map(ofDefault),
]);

function ofDefault(policy: string): string {
  const [type, prefix] = policy.split("/");
  return `${type}/default/${prefix}-default`;
}

const isOfFirstStart = (draft: ResourceDraft): boolean => madeAtFirstStart.has(keyString(draft));

function partsOf(key: string): { type: string; mesh: string; name: string } {
  const [type = "", mesh = "", ...name] = key.split("/");
  return { type, mesh, name: name.join("/") };
}

/** Resources that a write of the plan puts. */
export const toWrite = (plan: Plan): (PlannedResource & { draft: ResourceDraft })[] =>
  plan.resources.filter(
    (one): one is PlannedResource & { draft: ResourceDraft } =>
      (one.outcome === "create" || one.outcome === "replace") && one.draft !== undefined,
  );

/** What stands in the way of a write, in the words of the report. */
export const obstacles = (plan: Plan): string[] => [
  ...counted(plan, "invalid", "not valid: correct it in the source, or leave it out with --leave-out Type/mesh/name"),
  ...counted(plan, "conflict", "in conflict: --overwrite takes the source's, --leave-out Type/mesh/name keeps Atoll's"),
];

function counted(plan: Plan, outcome: Outcome, words: string): string[] {
  const count = plan.resources.filter((one) => one.outcome === outcome).length;
  return count === 0 ? [] : [`${count} ${count === 1 ? "is" : "are"} ${words}`];
}
