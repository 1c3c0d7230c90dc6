import type { TrialConfiguration } from "@atoll/compiler";
import {
  isInShare,
  ZoneConfiguration,
  type ResourceReader,
  type ZoneDecision,
  type WatchedReader,
  type ZoneInEffect,
} from "@atoll/replica";

/** What holds in the zone, over one state of the configuration: with what the zone and others wrote for it, which holds in every state. */
export const zoneConfiguration = (state: ResourceReader, revision: number, ofZones: WatchedReader): ZoneConfiguration =>
  new ZoneConfiguration({ get: state.get.bind(state), list: state.list.bind(state), revision, watch: () => () => {} }, ofZones);

/** What some of the zone's proxies have, while a roll-out has come to some of them. */
export function trialOf(decided: ZoneInEffect, ofZones: WatchedReader): TrialConfiguration | undefined {
  const { trial } = decided;
  if (!trial) return undefined;
  return { of: trial.rollout, key: trial.key, config: zoneConfiguration(trial.reader, decided.revision, ofZones), takes: trial.takes };
}

/** An explanation with what was decided for the proxy: why it has something else than the configuration says. */
export function explained<Answer extends object>(
  answer: Answer | undefined,
  { pinnedAt, trial, reached }: ZoneDecision,
  nodeId: string,
): (Answer & { decided?: string[] }) | undefined {
  const decided = [
    ...(pinnedAt === undefined ? [] : [`the zone is pinned at revision ${pinnedAt}`]),
    ...reached.map((rollout) => `the roll-out ${rollout} has come to this zone`),
    ...(trial ? [trialText(trial, isInShare(trial.rollout, trial.share, nodeId))] : []),
  ];
  return answer && { ...answer, ...(decided.length > 0 && { decided }) };
}

const trialText = ({ rollout, share }: { rollout: string; share: number }, isTaken: boolean): string =>
  `the roll-out ${rollout} has come to ${share}% of this zone's proxies, ${isTaken ? "and this is one of them" : "of which this is none"}`;
