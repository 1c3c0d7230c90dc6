import type { TraceContext } from "@atoll/event-log";

/** What a replica tells of its own work while it works: for metrics, and to go on with the trace of a change. */
export interface ReplicaObserver {
  /** A change set is in the log, after so many milliseconds. */
  appended?(durationMs: number): void;
  /** Records that came after the replica was up to date, before anyone who watches it hears of them. */
  folded?(records: readonly FoldedRecord[], durationMs: number): void;
}

export interface FoldedRecord {
  revision: number;
  accepted: boolean;
  /** Any value is another than before. */
  changed: boolean;
  /** When the log took it, by the log's clock: milliseconds since the epoch. */
  appendedMs: number;
  /** The fold, in the trace that the record carries. */
  trace: TraceContext | undefined;
}
