import { Counter, Histogram, type Registry } from "prom-client";
import { gaugesOf } from "./gauges.ts";
import type { FoldedChange } from "./change-trace.ts";
import type { Timeline } from "./timeline.ts";

/** The part of a folded configuration that every service shows. */
export interface ObservedReplica {
  readonly revision: number;
  readonly size: number;
  readonly undecided: number;
  checksum(): string;
}

interface Folded extends FoldedChange {
  accepted: boolean;
  appendedMs: number;
}

const short = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];
/** From one process to another. */
const delays = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1, 5, 30];
const remembered = 1_024;

/** Observes a replica of the configuration: its metrics, and the timeline of revisions. */
export class ReplicaMetrics {
  readonly #registry: Registry;
  readonly #timeline: Timeline;
  readonly #append: Histogram;
  readonly #fold: Histogram;
  readonly #foldDelay: Histogram;
  readonly #folded: Counter<"verdict">;
  /** When the log took each of the newest revisions, by revision, round and round. */
  readonly #appended: { revision: number; atMs: number }[] = [];
  /** Told what was folded, before whoever watches the replica. */
  follow: ((records: readonly FoldedChange[]) => void) | undefined;

  constructor(registry: Registry, timeline: Timeline) {
    this.#registry = registry;
    this.#timeline = timeline;
    const registers = [registry];
    this.#append = new Histogram({
      name: "atoll_append_seconds",
      help: "Time until a change set was durable in the log",
      buckets: short,
      registers,
    });
    this.#fold = new Histogram({ name: "atoll_fold_seconds", help: "Time to fold what came at once", buckets: short, registers });
    this.#foldDelay = new Histogram({
      name: "atoll_fold_delay_seconds",
      help: "Time from the log's taking a change set until it was folded here, by both machines' clocks",
      buckets: delays,
      registers,
    });
    this.#folded = new Counter({
      name: "atoll_folded_change_sets_total",
      help: "Change sets that came since the start",
      labelNames: ["verdict"],
      registers,
    });
  }

  appended(durationMs: number): void {
    this.#append.observe(durationMs / 1000);
  }

  folded(records: readonly Folded[], durationMs: number): void {
    this.#fold.observe(durationMs / 1000);
    this.#timeline.markAll(
      records.map(({ revision }) => revision),
      "folded",
    );
    const now = Date.now();
    let accepted = 0;
    for (const record of records) {
      if (record.accepted) accepted++;
      this.#foldDelay.observe(Math.max(0, now - record.appendedMs) / 1000);
      this.#appended[record.revision % remembered] = { revision: record.revision, atMs: record.appendedMs };
    }
    if (accepted > 0) this.#folded.inc({ verdict: "accepted" }, accepted);
    if (accepted < records.length) this.#folded.inc({ verdict: "rejected" }, records.length - accepted);
    this.follow?.(records);
  }

  /** Since the log took the revision; undefined if it did so before this process was up to date, or long ago. */
  sinceAppendedMs(revision: number): number | undefined {
    const appended = this.#appended[revision % remembered];
    return appended?.revision === revision ? Math.max(0, Date.now() - appended.atMs) : undefined;
  }

  /** How far this process is. */
  show(replica: ObservedReplica): void {
    const gauge = gaugesOf(this.#registry);
    gauge("atoll_revision", "Revision of the configuration folded here", () => replica.revision);
    gauge("atoll_resources", "Resources of the configuration", () => replica.size);
    gauge("atoll_undecided_change_sets", "Change sets submitted here whose verdict is awaited", () => replica.undecided);
  }
}
