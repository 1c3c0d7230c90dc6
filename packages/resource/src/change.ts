import type { ResourceDraft, ResourceKey } from "./resource.ts";

/** What a change set does to one resource. */
export type Change<Spec = unknown> = { op: "put"; resource: ResourceDraft<Spec> } | { op: "delete"; key: ResourceKey };

/** The resource that is changed. */
export function keyOfChange(change: Change): ResourceKey {
  const { type, mesh, name } = change.op === "put" ? change.resource : change.key;
  return { type, mesh, name };
}
