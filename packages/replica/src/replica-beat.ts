import type { ResourceDraft, ResourceKey } from "@atoll/resource";
import type { ResourceReader } from "./reader.ts";

interface BeatSpec {
  /** Grows while the replica lives. */
  beat: number;
}

export interface BeatStore extends ResourceReader {
  put(draft: ResourceDraft, options?: { durable?: boolean }): Promise<unknown>;
  delete(key: ResourceKey, options?: { timeoutMs?: number }): Promise<unknown>;
}

export interface ReplicaBeatOptions<Report extends object> {
  store: BeatStore;
  /** Of the records; not on the REST API. */
  type: string;
  instanceId: string;
  /** What the record says beside the beat, until `publish` says otherwise. */
  report: Report;
  beatIntervalMs: number;
  /** A replica is gone when this many beats of ours were written since its last one. */
  missedBeats: number;
  /** Replicas that have something in the log that somebody has to clear when they are gone. */
  owners: () => Iterable<string>;
  onGone: (instanceId: string) => void;
  onError: (error: unknown) => void;
}

/**
 * The record of one of several equal processes in a log that they share, and its judgement of the others by theirs. Time is counted in own
 * beats that reached the log: while the log is away nobody is judged, and clocks do not matter.
 */
export class ReplicaBeat<Report extends object> {
  readonly #options: ReplicaBeatOptions<Report>;
  readonly #others = new Map<string, { beat: number; missed: number }>();
  #timer: NodeJS.Timeout | undefined;
  #report: Report;
  #beat = 0;
  #retired = false;

  constructor(options: ReplicaBeatOptions<Report>) {
    this.#options = options;
    this.#report = options.report;
    // It goes on where the process before this one stopped, so that others see that it lives.
    this.#beat = this.#recordOf(options.instanceId)?.beat ?? 0;
    this.#timer = setInterval(() => this.#live(), options.beatIntervalMs);
    this.#timer.unref();
  }

  publish(report: Report): void {
    this.#report = report;
    this.#put().catch(this.#options.onError);
  }

  /** Before an orderly end: from now on the zone's state is what the other replicas say. Waits for the log for a second at most. */
  async retire(): Promise<void> {
    this.close();
    const { store, type, instanceId } = this.#options;
    await store.delete({ type, mesh: "", name: instanceId }, { timeoutMs: 1_000 }).catch(() => undefined);
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
    const { store, type, instanceId } = this.#options;
    const spec: Report & BeatSpec = { ...this.#report, beat: this.#beat };
    await store.put({ type, mesh: "", name: instanceId, spec }, { durable: false });
  }

  #recordOf(instanceId: string): BeatSpec | undefined {
    return this.#options.store.get<BeatSpec>(this.#options.type, "", instanceId)?.spec;
  }

  #judge(): void {
    const { store, type, instanceId, missedBeats, owners, onGone, onError } = this.#options;
    const present = new Set([...store.list(type).map(({ name }) => name), ...owners()]);
    present.delete(instanceId);
    for (const name of this.#others.keys()) if (!present.has(name)) this.#others.delete(name);
    for (const name of present) {
      const beat = this.#recordOf(name)?.beat ?? -1;
      const before = this.#others.get(name);
      const missed = before?.beat === beat ? before.missed + 1 : 0;
      this.#others.set(name, { beat, missed });
      if (missed < missedBeats) continue;
      this.#others.delete(name);
      onGone(name);
      store.delete({ type, mesh: "", name }).catch(onError);
    }
  }
}
