import type { Compiler } from "@atoll/compiler";
import { copyOf, differences, propose, ZoneConfiguration, type ConfigReplica, type ResourceReader, type ZoneReplica } from "@atoll/replica";
import { parseKeyString, type FleetAnswer, type FleetQuestion, type Resource } from "@atoll/resource";

/** How long an answer waits for a revision that has yet to come here. */
const arrivalMs = 10_000;

type State = ResourceReader & { all(): Iterable<Resource> };

/** How the proxies of this server would differ between two states of the configuration, the second with changes on top. */
export async function answerFleet(
  question: FleetQuestion,
  { config, resources, compiler }: { config: ConfigReplica; resources: ZoneReplica; compiler: Pick<Compiler, "preview"> },
): Promise<FleetAnswer> {
  const { from = config.revision, to = from, changes = [] } = question;
  await config.waitFor(Math.max(from, to), { timeoutMs: arrivalMs });
  const { revision } = config;
  // Now goes on while proxies are built; a copy does not.
  const stateAt = (at: number): State | Promise<State> => (at === config.revision ? copyOf(config) : config.at(at));
  const first = await stateAt(from);
  const second = to === from ? first : await stateAt(to);
  const proposed = propose(second, changes);
  const changed = second === first ? proposed.changed : differences(first, proposed.state).map(({ key }) => key);
  const inZone = (state: ResourceReader) => zoneConfiguration(state, revision, resources);
  return { revision, ...(await compiler.preview(inZone(first), inZone(proposed.state), changed.map(parseKeyString))) };
}

/** The configuration as the zone had it at a revision, or would have had it with what it says itself now. */
export async function formerConfiguration(
  revision: number,
  { config, resources }: { config: ConfigReplica; resources: ZoneReplica },
): Promise<ZoneConfiguration> {
  await config.waitFor(revision, { timeoutMs: arrivalMs });
  return zoneConfiguration(await config.at(revision), revision, resources);
}

/** What the zone wrote itself holds in every state. */
const zoneConfiguration = (state: ResourceReader, revision: number, resources: ZoneReplica): ZoneConfiguration =>
  new ZoneConfiguration({ ...readerOf(state), revision, watch: () => () => {} }, resources);

const readerOf = (state: ResourceReader): ResourceReader => ({ get: state.get.bind(state), list: state.list.bind(state) });
