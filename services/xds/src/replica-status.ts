import type { ResourceReader } from "@atoll/replica";
import type { ResourceDraft, ResourceKey } from "@atoll/resource";
import type { AppliedReport } from "./applied-report.ts";

/** What one replica says of its proxies, in the zone's log. Not on the REST API. */
const statusType = "ProxyStatus";

interface StatusSpec extends AppliedReport {
  /** Grows while the replica lives. */
  beat: number;
}

export interface StatusStore extends ResourceReader {
  put(draft: ResourceDraft, options?: { durable?: boolean }): Promise<unknown>;
  delete(key: ResourceKey, options?: { timeoutMs?: number }): Promise<unknown>;
}

export interface ReplicaStatusOptions {
  store: StatusStore;
  instanceId: string;
  beatIntervalMs: number;
  /** A replica is gone when this many beats of ours were written since its last one. */
  missedBeats: number;
  /** Replicas that have something in the log that somebody has to clear when they are gone. */
  owners: () => Iterable<string>;
  onGone: (instanceId: string) => void;
  onError: (error: unknown) => void;
}

/**
 * This replica's record in the zone's log, and its judgement of the others by theirs. Time is counted in own beats that reached the
 * log: while the log is away nobody is judged, and clocks do not matter.
 */
export class ReplicaStatus {
  readonly #options: ReplicaStatusOptions;
  readonly #others = new Map<string, { beat: number; missed: number }>();
  #timer: NodeJS.Timeout | undefined;
  #report: AppliedReport = { applied: null, proxies: 0, behind: [] };
  #beat = 0;
  #retired = false;

  constructor(options: ReplicaStatusOptions) {
    this.#options = options;
    // It goes on where the process before this one stopped, so that others see that it lives.
    this.#beat = this.#statusOf(options.instanceId)?.beat ?? 0;
    this.#timer = setInterval(() => this.#live(), options.beatIntervalMs);
    this.#timer.unref();
  }

  publish(report: AppliedReport): void {
    this.#report = report;
    this.#put().catch(this.#options.onError);
  }

  /** Before an orderly end: from now on the zone's state is what the other replicas say. Waits for the log for a second at most. */
  async retire(): Promise<void> {
    this.close();
    const { store, instanceId } = this.#options;
    await store.delete({ type: statusType, mesh: "", name: instanceId }, { timeoutMs: 1_000 }).catch(() => undefined);
  }

  close(): void {
    this.#retired = true;
    clearInterval(this.#timer);
  }

  #live(): void {
    this.#beat++;
    this.#put().then(() => this.#judge(), this.#options.onError);
  }

  async #put(): Promise<void> {
    if (this.#retired) return;
    const spec: StatusSpec = { ...this.#report, beat: this.#beat };
    await this.#options.store.put({ type: statusType, mesh: "", name: this.#options.instanceId, spec }, { durable: false });
  }

  #statusOf(instanceId: string): StatusSpec | undefined {
    return this.#options.store.get<StatusSpec>(statusType, "", instanceId)?.spec;
  }

  #judge(): void {
    const { store, instanceId, missedBeats, owners, onGone, onError } = this.#options;
    const present = new Set([...store.list(statusType).map(({ name }) => name), ...owners()]);
    present.delete(instanceId);
    for (const name of this.#others.keys()) if (!present.has(name)) this.#others.delete(name);
    for (const name of present) {
      const beat = this.#statusOf(name)?.beat ?? -1;
      const before = this.#others.get(name);
      const missed = before?.beat === beat ? before.missed + 1 : 0;
      this.#others.set(name, { beat, missed });
      if (missed < missedBeats) continue;
      this.#others.delete(name);
      onGone(name);
      store.delete({ type: statusType, mesh: "", name }).catch(onError);
    }
  }
}
