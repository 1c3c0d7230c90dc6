import { type EventLog, type LogRecord, topics } from "@atoll/event-log";
import { type KeyString, type Resource, keyString } from "@atoll/resource";
import type { ChangeSet, Verdict } from "./change-set.ts";
import { ConfigState } from "./config-state.ts";
import { equalValue } from "./equal-value.ts";
import { fold } from "./fold.ts";
import { readToHead } from "./follow.ts";
import { decodeChangeSet } from "./record-codec.ts";
import type { ResourceReader } from "./reader.ts";
import { readNewestSnapshot } from "./snapshot.ts";

export interface HistoryEntry {
  revision: number;
  changeSet: ChangeSet;
  verdict: Verdict;
}

export interface ResourceDifference {
  key: KeyString;
  before: Resource | undefined;
  after: Resource | undefined;
}

/** The log no longer reaches back to the revision asked for. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/**
 * Folds on to `revision`, changing `state`; `visit` sees each readable record with its verdict.
 * @throws HistoryError if the log ends before it or no longer holds a record in between.
 */
export async function foldTo(
  log: EventLog,
  state: ConfigState,
  revision: number,
  visit?: (entry: HistoryEntry) => void,
): Promise<ConfigState> {
  if (state.revision >= revision) return state;
  const tail = await log.tail(topics.config);
  if (tail > state.revision) throw new HistoryError(`revision ${state.revision + 1} is no longer in the log (it begins after ${tail})`);
  for await (const batch of readToHead(log, topics.config, state.revision)) {
    for (const record of batch) {
      const at = record.offset + 1;
      if (at > revision) {
        // The log has a hole here (an adapter's own bookkeeping): nothing happened in between.
        state.skip(revision);
        return state;
      }
      if (at <= state.revision) continue;
      const changeSet = readable(record.value);
      if (!changeSet) {
        state.skip(at);
        continue;
      }
      const outcome = fold(state, { revision: at, changeSet });
      state.apply(at, outcome);
      visit?.({ revision: at, changeSet, verdict: outcome.verdict });
    }
    if (state.revision >= revision) return state;
  }
  throw new HistoryError(`revision ${revision} is not in the log yet (its head is ${state.revision})`);
}

/** The records of revisions whose verdicts are known; undefined if the log no longer holds them all. */
export async function readDecided(
  log: EventLog,
  from: number,
  to: number,
  verdicts: { get(revision: number): Verdict | undefined },
): Promise<HistoryEntry[] | undefined> {
  if ((await log.tail(topics.config)) > from - 1) return undefined;
  const entries: HistoryEntry[] = [];
  for await (const batch of readToHead(log, topics.config, from - 1)) {
    for (const { offset, value } of batch) {
      const revision = offset + 1;
      if (revision > to) return entries;
      const [changeSet, verdict] = [readable(value), verdicts.get(revision)];
      if (changeSet && !verdict) return undefined;
      if (changeSet && verdict) entries.push({ revision, changeSet, verdict });
    }
    if (batch.at(-1)!.offset + 1 >= to) break;
  }
  return entries;
}

/** The configuration as it was at `revision`, folded anew from the nearest point that is still held. */
export async function stateAt(log: EventLog, revision: number): Promise<ConfigState> {
  const snapshot = await readNewestSnapshot(log);
  const start = snapshot && snapshot.capture.revision <= revision ? snapshot.state : new ConfigState();
  return foldTo(log, start, revision);
}

/**
 * The newest revision that the log took at or before a time; 0 before the first. Looks at as many records as the logarithm of their number.
 * @throws HistoryError if the log no longer holds what was newest then.
 */
export async function revisionAt(log: EventLog, timeMs: number): Promise<number> {
  const tail = await log.tail(topics.config);
  let [earliest, latest] = [tail, await log.head(topics.config)];
  // Records below `earliest` are not newer than the time, records from `latest` on are.
  while (earliest < latest) {
    const middle = Math.floor((earliest + latest) / 2);
    const record = await firstFrom(log, middle);
    if (record === undefined || record.offset >= latest || record.timestamp > timeMs) latest = middle;
    else earliest = record.offset + 1;
  }
  if (earliest === tail && tail > 0) throw new HistoryError(`the log begins after revision ${tail}, which is newer than that`);
  return earliest;
}

async function firstFrom(log: EventLog, offset: number): Promise<LogRecord | undefined> {
  for await (const [record] of readToHead(log, topics.config, offset)) return record;
  return undefined;
}

type CompleteReader = ResourceReader & { all(): Iterable<Resource> };

/** Resources whose value differs, sorted by key. Times and revisions alone are no difference. */
export function differences(before: CompleteReader, after: CompleteReader): ResourceDifference[] {
  const found: ResourceDifference[] = [];
  for (const resource of before.all()) {
    const now = after.get(resource.type, resource.mesh, resource.name);
    if (!now || (now !== resource && !equalValue(resource, now))) found.push({ key: keyString(resource), before: resource, after: now });
  }
  for (const resource of after.all()) {
    if (!before.get(resource.type, resource.mesh, resource.name))
      found.push({ key: keyString(resource), before: undefined, after: resource });
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function readable(value: Uint8Array | null): ChangeSet | undefined {
  if (!value) return undefined;
  try {
    return decodeChangeSet(value);
  } catch {
    return undefined;
  }
}
