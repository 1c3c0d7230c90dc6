/** What a client asked for and what it was told. Times are of one clock. */
export interface Operation {
  /** Unique; in the history as the reason of its change sets. */
  id: string;
  key: string;
  kind: "put" | "delete";
  /** `null`: only if absent. A number: only at this revision of the key. Absent: whatever is there. */
  condition?: number | null;
  beganMs: number;
  endedMs: number;
  /** HTTP status; 0 = no answer came, and 5xx = it is not known whether it counts. */
  status: number;
  /** That the write was told to have. */
  revision: number;
}

/** A change set of the log, as `GET /revisions` tells it. */
export interface LoggedWrite {
  revision: number;
  /** Of the change set. One that is in the log twice, because an answer of the broker was lost, counts the first time. */
  id: string;
  reason?: string;
  accepted: boolean;
  changes: { op: "put" | "delete"; key: string }[];
}

/** The revision of a key from one revision on; null = it is absent. */
interface Version {
  from: number;
  present: number | null;
}

const isKnown = ({ status }: Operation): boolean => status > 0 && status < 500;
const isWritten = ({ status }: Operation): boolean => status === 200 || status === 201;

/**
 * Checks that what clients were told is possible if every write took effect at one moment between its question and its answer, in the
 * order of the revisions: per key against a register that holds a revision or nothing. Answers with what contradicts that; [] = nothing.
 */
export function contradictions(operations: readonly Operation[], log: readonly LoggedWrite[]): string[] {
  const found: string[] = [];
  const taken = new Map<string, number[]>();
  const versions = new Map<string, Version[]>();
  const seen = new Set<string>();
  for (const { revision, id, reason, accepted, changes } of log) {
    if (seen.has(id) || !accepted || reason === undefined) continue;
    seen.add(id);
    taken.set(reason, [...(taken.get(reason) ?? []), revision]);
    for (const { op, key } of changes) {
      const history = versions.get(key) ?? [{ from: 0, present: null }];
      history.push({ from: revision, present: op === "put" ? revision : null });
      versions.set(key, history);
    }
  }
  const historyOf = (key: string): Version[] => versions.get(key) ?? [{ from: 0, present: null }];
  const before = (key: string, revision: number): number | null => historyOf(key).findLast(({ from }) => from < revision)!.present;

  const written = operations.filter(isWritten);
  const atLeast = lowerBounds(written);
  const atMost = upperBounds(written);
  for (const operation of operations) {
    const { id, key, kind, condition, status, revision, beganMs, endedMs } = operation;
    const what = `${id} (${kind} ${key}${condition === undefined ? "" : ` if ${condition ?? "absent"}`}, answered ${status})`;
    const at = taken.get(id) ?? [];
    if (at.length > 1) found.push(`${what} counts ${at.length} times, at ${at.join(", ")}`);
    if (isKnown(operation) && !isWritten(operation) && at.length > 0) found.push(`${what} was refused, and counts at ${at[0]}`);
    if (isWritten(operation) && at[0] !== revision) found.push(`${what} was told revision ${revision}, and counts at ${at[0] ?? "none"}`);
    for (const actual of at) {
      if (actual <= atLeast(beganMs))
        found.push(`${what} counts at ${actual}, before ${atLeast(beganMs)}, which was answered before it was asked`);
      const present = before(key, actual);
      if (condition !== undefined && present !== condition)
        found.push(`${what} counts at ${actual}, where the key is ${present ?? "absent"}`);
      if (kind === "delete" && present === null) found.push(`${what} counts at ${actual}, where there was nothing to delete`);
      if (kind === "put" && isWritten(operation) && (status === 201) !== (present === null))
        found.push(`${what} counts at ${actual}, where the key is ${present ?? "absent"}`);
    }
    if (!isKnown(operation) || isWritten(operation)) continue;
    // Refused: at some moment between question and answer that has to be right.
    const [low, high] = [atLeast(beganMs), atMost(endedMs)];
    const wrong = (present: number | null): boolean =>
      status === 404 ? kind === "delete" && present === null : status === 409 && condition !== undefined && present !== condition;
    const possible = historyOf(key).filter(({ from }, index, all) => from <= high && (all[index + 1]?.from ?? Infinity) > low);
    if (!possible.some(({ present }) => wrong(present)))
      found.push(
        `${what} was refused between ${low} and ${high}, where the key is ${possible.map(({ present }) => present ?? "absent").join(", ")}`,
      );
  }
  return found;
}

/** For a time: the greatest revision that somebody had been told by then. */
function lowerBounds(written: readonly Operation[]): (timeMs: number) => number {
  const sorted = written.toSorted((a, b) => a.endedMs - b.endedMs);
  let greatest = 0;
  const bounds = sorted.map(({ endedMs, revision }) => ({ endedMs, revision: (greatest = Math.max(greatest, revision)) }));
  return (timeMs) => bounds[firstIndex(bounds, ({ endedMs }) => endedMs >= timeMs) - 1]?.revision ?? 0;
}

/** For a time: a revision that nothing reached which counted by then. */
function upperBounds(written: readonly Operation[]): (timeMs: number) => number {
  const sorted = written.toSorted((a, b) => b.beganMs - a.beganMs);
  let least = Infinity;
  const bounds = sorted.map(({ beganMs, revision }) => ({ beganMs, revision: (least = Math.min(least, revision)) }));
  return (timeMs) => (bounds[firstIndex(bounds, ({ beganMs }) => beganMs <= timeMs) - 1]?.revision ?? Infinity) - 1;
}

/** Of a list in which the condition holds from some index on. */
function firstIndex<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
