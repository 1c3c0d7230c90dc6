/** When one revision passed the stages of a process, in milliseconds of the machine's monotonic clock, which all its processes share. */
export interface TimelineEntry {
  revision: number;
  stages: Record<string, number>;
}

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Remembers when each of the last revisions first passed each stage, for the debug view `/debug/timeline`. Beside one another, the
 * timelines of a machine's processes show where a change spent its time.
 */
export class Timeline {
  readonly #size: number;
  readonly #entries = new Map<number, TimelineEntry>();

  constructor(size = 1_024) {
    this.#size = size;
  }

  /** Only the first pass counts: a revision that is built again, for a proxy that connects later, tells nothing new. */
  mark(revision: number, stage: string): void {
    let entry = this.#entries.get(revision);
    if (entry === undefined) {
      entry = { revision, stages: {} };
      this.#entries.set(revision, entry);
      if (this.#entries.size > this.#size) this.#entries.delete(this.#entries.keys().next().value!);
    }
    entry.stages[stage] ??= monotonicMs();
  }

  /** How long ago the revision passed the stage, or at least: the oldest one that is remembered. 0 if nothing is known of it yet. */
  ageMs(revision: number, stage: string): number {
    const oldest = this.#entries.values().next().value;
    const entry = this.#entries.get(revision) ?? (oldest !== undefined && revision < oldest.revision ? oldest : undefined);
    const at = entry?.stages[stage];
    return at === undefined ? 0 : monotonicMs() - at;
  }

  view(): TimelineEntry[] {
    return [...this.#entries.values()];
  }
}
