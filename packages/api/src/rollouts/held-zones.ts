import { type DecidedState, type ResourceReader, decisionFor, pinnedRevision, shareIn } from "@atoll/replica";
import { progressText } from "@atoll/rollout";
import {
  type KeyString,
  type RolloutSpec,
  type ZonePinSpec,
  isStaged,
  isUnderWay,
  parseKeyString,
  rolloutType,
  zonePinType,
} from "@atoll/resource";

/**
 * Zones in which a revision is not in effect because that was decided, in words: they are pinned, or a roll-out that the revision is a step of
 * has not come to them, or not to all of their proxies. Sorted by name.
 */
export function heldIn(state: ResourceReader, of: { revision: number; changed: readonly KeyString[] }): Map<string, string> {
  const held = new Map<string, string>();
  if (state.list(zonePinType).length + state.list(rolloutType).length === 0) return held;
  const keys = of.changed.map(parseKeyString);
  if (keys.some(({ type }) => isStaged(type))) {
    for (const pin of state.list<ZonePinSpec>(zonePinType)) {
      if (pinnedRevision(pin) < of.revision) held.set(pin.name, `pinned at revision ${pinnedRevision(pin)}`);
    }
  }
  for (const { name } of keys.filter(({ type }) => type === rolloutType)) {
    const rollout = state.get<RolloutSpec>(rolloutType, "", name);
    if (!rollout || !isUnderWay(rollout.spec)) continue;
    for (const zone of state.list("Zone").map((one) => one.name)) {
      const share = shareIn(zone, rollout.spec);
      if (share >= 100) continue;
      const where = `roll-out ${name}, ${progressText(rollout.spec)}`;
      held.set(zone, share === 0 ? `has not come to it: ${where}` : `has come to ${share}% of its proxies: ${where}`);
    }
  }
  return new Map([...held].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a zone has that others have not, in words; empty if it has what the configuration says. */
export function decidedTexts(zone: string, state: DecidedState): string[] {
  const { pinnedAt, reached, trial } = decisionFor(zone, state);
  return [
    ...(pinnedAt === undefined ? [] : [`pinned at revision ${pinnedAt}`]),
    ...reached.map((rollout) => `roll-out ${rollout} has come to it`),
    ...(trial ? [`roll-out ${trial.rollout} has come to ${trial.share}% of its proxies`] : []),
  ];
}
