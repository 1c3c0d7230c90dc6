/** When one revision passed the stages of a process, in milliseconds of the machine's monotonic clock, which all its processes share. */
export interface TimelineEntry {
  revision: number;
  stages: Record<string, number>;
}

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Of a change for thousands of proxies, those that have it first: all of them, of a thousand changes, would be tens of megabytes. */
const mostStages = 64;

/**
 * Remembers when each of the last revisions first passed each stage, for the debug view `/debug/timeline`. Beside one another, the
 * timelines of a machine's processes show where a change spent its time.
 */
export class Timeline {
  /** By revision, round and round: the place of one is that of the one so many before it. */
  readonly #entries: (TimelineEntry | undefined)[];
  /** How many stages each of them has. */
  readonly #counts: number[];
  #newest = 0;

  constructor(size = 1_024) {
    this.#entries = Array.from({ length: size });
    this.#counts = Array.from({ length: size }, () => 0);
  }

  /** Only the first pass counts: a revision that is built again, for a proxy that connects later, tells nothing new. */
  mark(revision: number, stage: string): void {
    this.markAll([revision], stage);
  }

  /** Several that pass it at once. */
  markAll(revisions: readonly number[], stage: string): void {
    const at = monotonicMs();
    for (const revision of revisions) {
      const place = revision % this.#entries.length;
      let entry = this.#entries[place];
      if (entry !== undefined && entry.revision > revision) continue;
      if (entry?.revision !== revision) {
        this.#entries[place] = entry = { revision, stages: {} };
        this.#counts[place] = 0;
      }
      if (entry.stages[stage] === undefined && this.#counts[place]! < mostStages) {
        entry.stages[stage] = at;
        this.#counts[place]!++;
      }
      this.#newest = Math.max(this.#newest, revision);
    }
  }

  /** How long ago the revision passed the stage, or at least: the oldest one that is remembered. 0 if nothing is known of it yet. */
  ageMs(revision: number, stage: string): number {
    const at = (this.#entry(revision) ?? (revision < this.#newest ? this.view()[0] : undefined))?.stages[stage];
    return at === undefined ? 0 : monotonicMs() - at;
  }

  /** Oldest first. */
  view(): TimelineEntry[] {
    return this.#entries.filter((entry) => entry !== undefined).sort((a, b) => a.revision - b.revision);
  }

  #entry(revision: number): TimelineEntry | undefined {
    const entry = this.#entries[revision % this.#entries.length];
    return entry?.revision === revision ? entry : undefined;
  }
}
