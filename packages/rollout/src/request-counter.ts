import type { RolloutStage } from "@atoll/resource";
import type { Observed, RequestCount } from "./judge-stage.ts";
import type { Rollout } from "./steps.ts";

/** Counters of one proxy since its Envoy began, by cluster. */
export type ProxyCounts = Readonly<Record<string, RequestCount>>;

/** Asks the proxies that a stage has come to what they counted; of those that do not answer there is nothing. */
export type CountRequests = (
  stage: RolloutStage,
  rollout: string,
  clusters: readonly string[],
) => Promise<ReadonlyMap<string, ProxyCounts>>;

/** Times a stage's counters are looked at while it lasts at least so long. Envoy has no way to tell of them by itself. */
const looksPerStage = 4;
const [leastPauseMs, mostPauseMs] = [1_000, 10_000];

export interface RequestCounterOptions {
  count: CountRequests;
  clock: () => number;
  /** Runs once, after so many milliseconds, unless what it answers is called before. */
  later: (ms: number, run: () => void) => () => void;
  onCounted: () => void;
  onError: (error: unknown) => void;
}

/**
 * Counts the requests of a stage's callers from when it is told of the stage. A process that begins in the middle begins to count anew, and
 * so vouches for nothing that it has not seen.
 */
export class RequestCounter {
  readonly #options: RequestCounterOptions;
  readonly #first = new Map<string, ProxyCounts>();
  readonly #last = new Map<string, ProxyCounts>();
  /** Of proxies whose Envoy began anew: what it had counted before. */
  readonly #carried = new Map<string, Record<string, RequestCount>>();
  readonly #stage: RolloutStage;
  readonly #rollout: string;
  #sinceMs: number | undefined;
  #untilMs = 0;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor({ name, spec }: Rollout, options: RequestCounterOptions) {
    this.#options = options;
    this.#rollout = name;
    this.#stage = spec.stages[spec.stage]!;
    void this.#look();
  }

  /** What was counted until now; undefined before the first look. */
  get requests(): Observed["requests"] {
    if (this.#sinceMs === undefined) return undefined;
    const byCluster: Record<string, RequestCount> = {};
    for (const cluster of this.#clusters) {
      if (![...this.#last.values()].some((counts) => counts[cluster])) continue;
      const sum = { requests: 0, failed: 0 };
      for (const [proxy, counts] of this.#last) {
        const [now, first, carried] = [counts[cluster], this.#first.get(proxy)?.[cluster], this.#carried.get(proxy)?.[cluster]];
        sum.requests += (now?.requests ?? 0) - (first?.requests ?? 0) + (carried?.requests ?? 0);
        sum.failed += (now?.failed ?? 0) - (first?.failed ?? 0) + (carried?.failed ?? 0);
      }
      byCluster[cluster] = sum;
    }
    return { sinceMs: this.#sinceMs, untilMs: this.#untilMs, byCluster };
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  get #clusters(): string[] {
    return (this.#stage.gate?.errors ?? []).map(({ cluster }) => cluster);
  }

  async #look(): Promise<void> {
    const { count, clock, later, onCounted, onError } = this.#options;
    const atMs = clock();
    try {
      const counted = await count(this.#stage, this.#rollout, this.#clusters);
      if (this.#closed) return;
      for (const [proxy, counts] of counted) this.#take(proxy, counts);
      this.#sinceMs ??= clock();
      this.#untilMs = Math.max(atMs, this.#sinceMs);
      onCounted();
    } catch (error) {
      onError(error);
    }
    if (this.#closed) return;
    const pauseMs = (this.#stage.gate?.minTimeMs ?? 0) / looksPerStage;
    this.#cancel = later(Math.min(mostPauseMs, Math.max(leastPauseMs, pauseMs)), () => void this.#look());
  }

  #take(proxy: string, counts: ProxyCounts): void {
    const last = this.#last.get(proxy);
    // Who comes later began with the stage: all that it counted is of it.
    if (!last) this.#first.set(proxy, this.#sinceMs === undefined ? counts : {});
    else if (this.#clusters.some((cluster) => (counts[cluster]?.requests ?? 0) < (last[cluster]?.requests ?? 0)))
      this.#beganAnew(proxy, last);
    this.#last.set(proxy, counts);
  }

  #beganAnew(proxy: string, last: ProxyCounts): void {
    const [first, carried] = [this.#first.get(proxy) ?? {}, this.#carried.get(proxy) ?? {}];
    for (const cluster of this.#clusters) {
      const before = carried[cluster] ?? { requests: 0, failed: 0 };
      carried[cluster] = {
        requests: before.requests + (last[cluster]?.requests ?? 0) - (first[cluster]?.requests ?? 0),
        failed: before.failed + (last[cluster]?.failed ?? 0) - (first[cluster]?.failed ?? 0),
      };
    }
    this.#carried.set(proxy, carried);
    this.#first.set(proxy, {});
  }
}

/** Of Envoy's `/stats` in text, the requests to some clusters. */
export function countsOf(stats: string, clusters: readonly string[]): ProxyCounts {
  const counts: Record<string, RequestCount> = {};
  const values = new Map(
    stats.split("\n").map((line) => [line.slice(0, line.lastIndexOf(":")), Number(line.slice(line.lastIndexOf(":") + 1))]),
  );
  for (const cluster of clusters) {
    const of = (name: string) => values.get(`cluster.${cluster}.${name}`);
    // Counters of answers come to be with the first one.
    if (of("upstream_cx_total") !== undefined)
      counts[cluster] = { requests: of("upstream_rq_completed") ?? 0, failed: of("upstream_rq_5xx") ?? 0 };
  }
  return counts;
}
