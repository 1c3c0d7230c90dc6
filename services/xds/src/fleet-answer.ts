import type { Compiler, FormerConfiguration } from "@atoll/compiler";
import {
  decisionFor,
  differences,
  inEffectBy,
  isInShare,
  stateInZone,
  type ConfigReplica,
  type StateInZone,
  type ZoneDecision,
  type WatchedReader,
} from "@atoll/replica";
import { parseKeyString, type FleetAnswer, type FleetGroup, type FleetQuestion } from "@atoll/resource";
import { zoneConfiguration } from "./decided-configuration.ts";

/** How long an answer waits for a revision that has yet to come here. */
const arrivalMs = 10_000;

interface FleetAnswerOptions {
  zone: string;
  config: ConfigReplica;
  ofZones: WatchedReader;
  compiler: Pick<Compiler, "preview">;
}

/**
 * How the proxies of this server would differ between two states of the configuration, the second with changes on top: between what holds
 * for them in this zone at each of these.
 */
export async function answerFleet(question: FleetQuestion, { zone, config, ofZones, compiler }: FleetAnswerOptions): Promise<FleetAnswer> {
  const { from = config.revision, to = from, changes = [] } = question;
  await config.waitFor(Math.max(from, to), { timeoutMs: arrivalMs });
  const { revision } = config;
  // Copies, made at once where that is now: the configuration goes on while proxies are built.
  const stateAt = async (at: number, made?: typeof changes) =>
    stateInZone(zone, at === config.revision ? config : await config.at(at), made);
  const first = await stateAt(from);
  const second = await stateAt(to, changes);
  const inZone = (state: StateInZone["whole"]) => zoneConfiguration(state, revision, ofZones);
  const answers: Omit<FleetAnswer, "revision">[] = [];
  for (const [isBefore, isAfter] of [false, true].flatMap((one) => [false, true].map((other) => [one, other] as const))) {
    if ((isBefore && !first.trial) || (isAfter && !second.trial)) continue;
    const [before, after] = [isBefore ? first.trial! : first.whole, isAfter ? second.trial! : second.whole];
    const changed = from === to && isBefore === isAfter ? second.changed : differences(before, after).map(({ key }) => key);
    const takes = (nodeId: string) => isTried(first, nodeId) === isBefore && isTried(second, nodeId) === isAfter;
    answers.push(await compiler.preview(inZone(before), inZone(after), changed.map(parseKeyString), takes));
  }
  return { revision, ...joined(answers) };
}

const isTried = ({ decision: { trial } }: StateInZone, nodeId: string): boolean =>
  trial !== undefined && isInShare(trial.rollout, trial.share, nodeId);

/** Equal changes are one, whichever of the zone's configurations the proxies have. */
function joined(answers: readonly Omit<FleetAnswer, "revision">[]): Omit<FleetAnswer, "revision"> {
  const groups = new Map<string, FleetGroup>();
  for (const group of answers.flatMap((answer) => answer.groups)) {
    const known = groups.get(group.key);
    groups.set(group.key, known ? { ...known, proxies: [...known.proxies, ...group.proxies] } : group);
  }
  return {
    proxies: answers.reduce((sum, { proxies }) => sum + proxies, 0),
    groups: [...groups.values()],
    unbuilt: answers.flatMap(({ unbuilt }) => unbuilt),
  };
}

/** What held for a proxy at a revision, or would have held with what the zone says itself now. */
export async function formerConfiguration(
  revision: number,
  { zone, nodeId, config, ofZones }: { zone: string; nodeId: string; config: ConfigReplica; ofZones: WatchedReader },
): Promise<FormerConfiguration & { decision: ZoneDecision }> {
  await config.waitFor(revision, { timeoutMs: arrivalMs });
  const state = await config.at(revision);
  const decision = decisionFor(zone, state);
  return Object.assign(zoneConfiguration(inEffectBy(decision, state, nodeId), revision, ofZones), { decision });
}
