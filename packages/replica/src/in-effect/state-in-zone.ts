import { type KeyString, type Resource, parseKeyString } from "@atoll/resource";
import type { Change } from "../change-set.ts";
import { copyOf, propose } from "../propose.ts";
import type { ResourceTable } from "../resource-table.ts";
import { isHeld } from "./held-values.ts";
import type { Overlay } from "./overlay.ts";
import { type DecidedState, type ZoneDecision, decisionFor } from "./zone-decision.ts";

/** What holds in a zone, as a state that nobody changes. */
export interface StateInZone {
  decision: ZoneDecision;
  whole: ResourceTable;
  /** For proxies that have more than the others; undefined while all have the same. */
  trial?: ResourceTable;
  /** Keys that the changes leave with another value in the zone. */
  changed: KeyString[];
}

/** The state as the zone has it, or would have it with changes on top: a pinned zone would have none of what is held back. */
export function stateInZone(
  zone: string,
  state: DecidedState & { all(): Iterable<Resource> },
  changes: readonly Change[] = [],
): StateInZone {
  const decision = decisionFor(zone, state);
  const { overlay, trial } = decision;
  const proposed = changes.length > 0 ? propose(state, changes) : { state: copyOf(state), changed: [] };
  const held = state.heldFor(zone);
  const isHeldBack = (key: KeyString) => held !== undefined && isHeld(held, parseKeyString(key));
  for (const key of proposed.changed) if (isHeldBack(key)) set(proposed.state, key, present(state, key));
  const changed = proposed.changed.filter((key) => !isHeldBack(key));
  const whole = trial ? copyOf(proposed.state) : proposed.state;
  put(overlay, whole);
  return { decision, whole, ...(trial && { trial: put(trial.overlay, proposed.state) }), changed };
}

function put(overlay: Overlay, state: ResourceTable): ResourceTable {
  for (const [key, value] of overlay.entries()) set(state, key, value);
  return state;
}

function set(state: ResourceTable, key: KeyString, value: Resource | null): void {
  if (value) state.set(value);
  else state.delete(parseKeyString(key));
}

function present(state: DecidedState, key: KeyString): Resource | null {
  const { type, mesh, name } = parseKeyString(key);
  return state.get(type, mesh, name) ?? null;
}
