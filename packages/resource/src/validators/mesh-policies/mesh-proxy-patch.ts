import type { MeshProxyPatchModification, MeshProxyPatchSpec } from "../../specs/mesh-policies/mesh-proxy-patch.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateTargetRef } from "./target-ref.ts";

type Target = keyof typeof changed;
type Change = NonNullable<MeshProxyPatchModification[Target]>;
type JsonPatch = NonNullable<Change["jsonPatches"]>[number];

const tops = ["Mesh", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway", "Dataplane"] as const;
const changed = { cluster: "whole", listener: "whole", virtualHost: "host", networkFilter: "filter", httpFilter: "filter" } as const;
const must = "must be defined";
/** Operations on filters that need to know which one. */
const atFilter: Readonly<Record<string, string>> = {
  AddBefore: `${must}. You need to pick a filter before which this one will be added`,
  AddAfter: `${must}. You need to pick a filter after which this one will be added`,
  Patch: must,
};

export function* validateMeshProxyPatch(
  { targetRef, default: { appendModifications = [] } }: MeshProxyPatchSpec,
  role?: string,
): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role });
  const path = "spec.default.appendModifications";
  if (appendModifications.length === 0) yield violation(path, "must not be empty");
  for (const [index, modification] of appendModifications.entries()) {
    const targets = (Object.keys(changed) as Target[]).filter((target) => modification[target] !== undefined);
    if (targets.length !== 1) {
      const count = `Currently, ${targets.length} modifications are defined`;
      yield violation(at(path, index), `exactly one modification can be defined at a time. ${count}`);
    } else yield* validateChange(at(path, index), targets[0]!, modification[targets[0]!]!);
  }
}

function* validateChange(path: string, target: Target, change: Change): Violations {
  const { operation, match, value, jsonPatches = [] } = change;
  const field = `${path}.${target}`;
  if (operation === "Remove") {
    if (value !== undefined) yield violation(`${field}.value`, "must not be defined");
    return;
  }
  if (operation === "Add") {
    // A virtual host is added to a route configuration, so there only the name is out of place.
    if (target === "virtualHost") {
      if (match?.name !== undefined) yield violation(`${field}.match.name`, "must not be defined");
    } else if (match !== undefined) yield violation(`${field}.match`, "must not be defined");
  }
  const unnamed = atFilter[operation];
  if (changed[target] === "filter" && unnamed !== undefined && match?.name === undefined) yield violation(`${field}.match.name`, unnamed);
  if (operation !== "Patch") {
    if (value === undefined) yield violation(`${field}.value`, must);
    return;
  }
  // Kuma names the place twice: once from the list, once from the root.
  if (value !== undefined && jsonPatches.length > 0)
    yield violation(field, `${target} must have only one type defined: value, jsonPatches`);
  else if (value === undefined && jsonPatches.length === 0)
    yield violation(field, `${target} must have exactly one defined: value, jsonPatches`);
  else yield* validateJsonPatches(`${field}.jsonPatches`, jsonPatches);
}

/** RFC 6902, without `test`. */
function* validateJsonPatches(path: string, patches: readonly JsonPatch[]): Violations {
  for (const [index, { op, from, value }] of patches.entries()) {
    const one = at(path, index);
    const moves = op === "move" || op === "copy";
    const sets = op === "add" || op === "replace";
    const oneOf = (field: string, words: string, ops: string): string => `"${field}" ${words} when "op" is one of [${ops}]`;
    if (moves && from === undefined) yield violation(`${one}.from`, oneOf("from", "must not be empty", '"move", "copy"'));
    if (!moves && from !== undefined) yield violation(`${one}.from`, oneOf("from", "is allowed only", '"move", "copy"'));
    if (sets && value === undefined) yield violation(`${one}.value`, oneOf("value", "must not be empty", '"add", "replace"'));
    if (!sets && value !== undefined) yield violation(`${one}.value`, oneOf("value", "is allowed only", '"add", "replace"'));
  }
}
