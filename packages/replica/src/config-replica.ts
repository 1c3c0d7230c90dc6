import { Backoff, type EventLog, LogError, type LogRecord, pause, spanTime, topics, tracedAppend, traceRecord } from "@atoll/event-log";
import { type KeyString, type Resource } from "@atoll/resource";
import type { ChangeSet, Verdict } from "./change-set.ts";
import { ConfigState } from "./config-state.ts";
import { type FoldRecord, type Outcome, fold } from "./fold.ts";
import { ensureTopicIfAllowed, followTopic, retryUntilAvailable } from "./follow.ts";
import {
  type HistoryEntry,
  HistoryError,
  type ResourceDifference,
  differences,
  foldTo,
  readDecided,
  revisionAt,
  stateAt,
} from "./history.ts";
import type { DecidedState } from "./in-effect/zone-decision.ts";
import type { HeldZone } from "./in-effect/held-values.ts";
import { Listeners } from "./listeners.ts";
import type { ChangeEvent, ResourceReader } from "./reader.ts";
import { RecentMap } from "./recent-map.ts";
import type { FoldedRecord, ReplicaObserver } from "./replica-observer.ts";
import { decodeChangeSet, encodeJson } from "./record-codec.ts";
import { appendSnapshot, readNewestSnapshot } from "./snapshot.ts";

export interface ConfigReplicaOptions {
  log: EventLog;
  signal?: AbortSignal;
  /** Write a snapshot whenever this many records came since the newest one. Absent: this process writes none by itself. */
  snapshots?: { everyRecords: number };
  observer?: ReplicaObserver;
  /** Told of failures that the replica survives: unreadable records, lost connections, listeners that throw. */
  onError?: (error: unknown) => void;
}

export interface SubmitOptions {
  /** Default 10,000. */
  timeoutMs?: number;
}

export interface Lag {
  revision: number;
  head: number;
  records: number;
}

const recentVerdicts = 2_000;

/** A copy of the configuration that follows `atoll.config`. Any number of processes hold one; all decide alike. */
export class ConfigReplica implements ResourceReader {
  readonly #log: EventLog;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #everyRecords: number | undefined;
  readonly #observer: ReplicaObserver | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #listeners: Listeners<ChangeEvent>;
  readonly #submitted = new Map<string, { resolve: (verdict: Verdict) => void; reject: (error: unknown) => void }>();
  readonly #waiting = new Set<{ revision: number; resolve: () => void; reject: (error: unknown) => void }>();
  readonly #caughtUp = Promise.withResolvers<void>();
  /** Of the newest records folded here, by revision: recent history needs no second fold. */
  readonly #recent = new RecentMap<number, Verdict>(recentVerdicts);
  #state = new ConfigState();
  #snapshotRevision = 0;
  /** Past the records that were there when this replica began: what comes now happens now. */
  #live = false;
  #writingSnapshot: Promise<number> | undefined;
  #following: Promise<void> = Promise.resolve();

  private constructor(options: ConfigReplicaOptions) {
    this.#log = options.log;
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    this.#everyRecords = options.snapshots?.everyRecords;
    this.#observer = options.observer;
    this.#onError = options.onError ?? (() => {});
    this.#listeners = new Listeners(this.#onError);
  }

  /** Resolves when the replica has the newest complete snapshot and every record up to the head of the log at that time. */
  static async open(options: ConfigReplicaOptions): Promise<ConfigReplica> {
    const replica = new ConfigReplica(options);
    const closed = () => replica.#rejectAll(new LogError("closed", "the replica was closed"));
    if (replica.#signal.aborted) closed();
    else replica.#signal.addEventListener("abort", closed, { once: true });
    try {
      await retryUntilAvailable(async () => {
        await ensureTopicIfAllowed(replica.#log, topics.config, "keep");
        await ensureTopicIfAllowed(replica.#log, topics.configSnapshots, "compact");
        const snapshot = await readNewestSnapshot(replica.#log, replica.#signal);
        if (!snapshot) return;
        replica.#state = snapshot.state;
        replica.#snapshotRevision = snapshot.capture.revision;
      }, replica.#signal);
      replica.#following = replica.#follow();
      await replica.#caughtUp.promise;
    } catch (error) {
      replica.#stop.abort();
      throw error;
    }
    return replica;
  }

  /** Revision of the newest record folded here. */
  get revision(): number {
    return this.#state.revision;
  }

  get size(): number {
    return this.#state.size;
  }

  /** Change sets submitted here whose verdict is not known yet. */
  get undecided(): number {
    return this.#submitted.size;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#state.get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.#state.list(type, mesh);
  }

  heldFor(zone: string): HeldZone | undefined {
    return this.#state.heldFor(zone);
  }

  /** Every resource, in no particular order. */
  all(): Iterable<Resource> {
    return this.#state.all();
  }

  /** Equal in every process that is at the same revision of the same log. */
  checksum(): string {
    return this.#state.checksum();
  }

  digests(): Map<KeyString, string> {
    return this.#state.digests();
  }

  async lag(): Promise<Lag> {
    const head = Math.max(await this.#log.head(topics.config), this.revision);
    return { revision: this.revision, head, records: head - this.revision };
  }

  /** Called synchronously once per batch, after it is visible here. Returns the unsubscribe function. */
  watch(listener: (event: ChangeEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Appends and waits until this replica has folded the record: its readers then see the write. A loss of the log in between is
   * retried with the same id, which the fold counts once.
   * @throws LogError "unavailable" after `timeoutMs`: the outcome is unknown, the record may still be folded later.
   */
  async submit(changeSet: ChangeSet, options: SubmitOptions = {}): Promise<Verdict> {
    const { timeoutMs = 10_000 } = options;
    if (this.#signal.aborted) throw new LogError("closed", "the replica is closed");
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
    this.#submitted.set(changeSet.id, { resolve, reject });
    let trouble: LogError | undefined;
    const timer = setTimeout(() => {
      const why = trouble ? ` (${trouble.message})` : "";
      const message = `no verdict on change set ${changeSet.id} within ${timeoutMs} ms${why}; it may still be applied`;
      reject(new LogError("unavailable", message, { cause: trouble }));
    }, timeoutMs);
    this.#append(changeSet, (error) => (trouble = error)).catch(reject);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#submitted.delete(changeSet.id);
    }
  }

  /** Resolves when `revision` is folded here. Rejects when `timeoutMs` passes or the replica closes first. */
  async waitFor(revision: number, options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.revision >= revision) return;
    if (this.#signal.aborted) throw new LogError("closed", "the replica is closed");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { revision, resolve, reject };
    this.#waiting.add(waiter);
    const { timeoutMs } = options;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => reject(new LogError("unavailable", `revision ${revision} not folded within ${timeoutMs} ms`)), timeoutMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(waiter);
    }
  }

  /** Resolves when everything that was in the log when this was called is folded here. @throws LogError if that cannot be told. */
  async reachHead(options: { timeoutMs?: number } = {}): Promise<void> {
    await this.waitFor(await this.#log.head(topics.config), { timeoutMs: options.timeoutMs ?? 10_000 });
  }

  /** Records of revisions `from` to `to`, both included, oldest first, each with its verdict. @throws HistoryError */
  async changeSets(from: number, to: number): Promise<HistoryEntry[]> {
    const recent =
      to <= this.revision && from > 0 && this.#recent.has(from) ? await readDecided(this.#log, from, to, this.#recent) : undefined;
    if (recent) return recent;
    const entries: HistoryEntry[] = [];
    const state = await stateAt(this.#log, Math.max(0, from - 1));
    await foldTo(this.#log, state, to, (entry) => entries.push(entry));
    return entries;
  }

  /** The configuration as it was. @throws HistoryError when the log no longer reaches back that far, or not yet that far. */
  async at(revision: number): Promise<DecidedState & { readonly revision: number; checksum(): string; all(): Iterable<Resource> }> {
    return stateAt(this.#log, revision);
  }

  /** The newest revision that the log took by a time, in milliseconds since the epoch; 0 before the first. @throws HistoryError */
  async revisionAt(timeMs: number): Promise<number> {
    return revisionAt(this.#log, timeMs);
  }

  /** What changed in value between two revisions; `from` may be the greater one (a rollback). @throws HistoryError */
  async diff(from: number, to: number): Promise<ResourceDifference[]> {
    return differences(await stateAt(this.#log, from), await stateAt(this.#log, to));
  }

  /**
   * Appends the state as it is now to the snapshots topic and resolves with its revision. Skipped, resolving with the newer one's,
   * when another replica wrote one at this revision or later.
   */
  async writeSnapshot(): Promise<number> {
    this.#writingSnapshot ??= this.#writeSnapshot().finally(() => (this.#writingSnapshot = undefined));
    return this.#writingSnapshot;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  /** Until it is in the log, or nobody waits for its verdict any more. */
  async #append(changeSet: ChangeSet, onTrouble: (error: LogError) => void): Promise<void> {
    const backoff = new Backoff({ firstMs: 10, maxMs: 500 });
    const record = { key: null, value: encodeJson(changeSet) };
    while (!this.#signal.aborted && this.#submitted.has(changeSet.id)) {
      try {
        const beganMs = performance.now();
        await tracedAppend(this.#log, topics.config, [record]);
        this.#observer?.appended?.(performance.now() - beganMs);
        return;
      } catch (error) {
        if (!(error instanceof LogError) || !error.canRetry) throw error;
        onTrouble(error);
        await pause(backoff.next(), this.#signal);
      }
    }
  }

  #follow(): Promise<void> {
    return followTopic({
      log: this.#log,
      topic: topics.config,
      position: () => this.#state.revision,
      onBatch: (batch) => this.#take(batch),
      onOutOfRange: () => this.#rebuild(),
      signal: this.#signal,
      onError: this.#onError,
    });
  }

  async #take(batch: readonly LogRecord[]): Promise<boolean> {
    if (batch.length === 0) {
      this.#live = true;
      this.#caughtUp.resolve();
      return true;
    }
    const gap = batch.findIndex((record, i) => record.offset > (i === 0 ? this.#state.revision : batch[i - 1]!.offset + 1));
    if (gap >= 0 && (await this.#log.tail(topics.config)) > (gap === 0 ? this.#state.revision : batch[gap - 1]!.offset + 1)) {
      this.#foldBatch(batch.slice(0, gap));
      await this.#rebuild();
      return false;
    }
    this.#foldBatch(batch);
    return true;
  }

  #foldBatch(batch: readonly LogRecord[]): void {
    const changed = new Set<KeyString>();
    const decided: [string, Verdict][] = [];
    const observed: FoldedRecord[] = [];
    const batchMs = spanTime();
    for (const record of batch) {
      const revision = record.offset + 1;
      if (revision <= this.#state.revision) continue;
      const folded = this.#decode(revision, record);
      if (!folded) {
        this.#state.skip(revision);
        continue;
      }
      const outcome = fold(this.#state, folded);
      this.#state.apply(revision, outcome);
      if (outcome.verdict.accepted && !outcome.repeated) for (const key of outcome.verdict.changed) changed.add(key);
      if (this.#live && this.#observer) observed.push(this.#observe(revision, record, outcome, batchMs));
      decided.push([outcome.id, outcome.verdict]);
      this.#recent.set(revision, outcome.verdict);
    }
    if (observed.length > 0) this.#observer?.folded?.(observed, spanTime() - batchMs);
    this.#publish(changed);
    for (const [id, verdict] of decided) this.#submitted.get(id)?.resolve(verdict);
    this.#snapshotIfDue();
  }

  #observe(revision: number, record: LogRecord, { verdict, repeated }: Outcome, beganMs: number): FoldedRecord {
    const { accepted } = verdict;
    const trace = traceRecord("fold", record, beganMs, { "atoll.revision": revision, "atoll.accepted": accepted });
    return { revision, accepted, changed: accepted && !repeated && verdict.changed.length > 0, appendedMs: record.timestamp, trace };
  }

  #decode(revision: number, record: LogRecord): FoldRecord | undefined {
    try {
      if (!record.value) throw new Error("change set: no value");
      return { revision, changeSet: decodeChangeSet(record.value) };
    } catch (error) {
      this.#onError(new Error(`revision ${revision} is unreadable and was passed over`, { cause: error }));
      return undefined;
    }
  }

  /** The log no longer holds what comes next: builds a new state from a snapshot beside the old one, and swaps. */
  async #rebuild(): Promise<void> {
    const [snapshot, tail, head] = await Promise.all([
      readNewestSnapshot(this.#log, this.#signal),
      this.#log.tail(topics.config),
      this.#log.head(topics.config),
    ]);
    const usable = snapshot && snapshot.capture.revision >= tail && snapshot.capture.revision <= head ? snapshot.state : undefined;
    if (!usable && tail > 0) {
      throw new HistoryError(`the log begins after revision ${tail} and no snapshot reaches it; keeping revision ${this.revision}`);
    }
    const snapshotRevision = usable?.revision ?? 0;
    const rebuilt = await foldTo(this.#log, usable ?? new ConfigState(), head);
    const before = this.#state;
    this.#state = rebuilt;
    this.#snapshotRevision = snapshotRevision;
    this.#publish(new Set(differences(before, this.#state).map(({ key }) => key)));
    for (const [id, { resolve }] of this.#submitted) {
      const verdict = this.#state.verdictOf(id);
      if (verdict) resolve(verdict);
    }
  }

  #publish(changed: ReadonlySet<KeyString>): void {
    if (changed.size > 0) this.#listeners.send({ revision: this.revision, keys: [...changed] });
    for (const waiter of this.#waiting) if (waiter.revision <= this.revision) waiter.resolve();
  }

  #snapshotIfDue(): void {
    if (this.#everyRecords === undefined || this.revision - this.#snapshotRevision < this.#everyRecords) return;
    if (!this.#writingSnapshot) this.writeSnapshot().catch(this.#onError);
  }

  async #writeSnapshot(): Promise<number> {
    const newest = await readNewestSnapshot(this.#log, this.#signal);
    // Another replica's recent snapshot will do: one writer at a time is enough.
    const recent = this.#everyRecords === undefined ? this.revision : this.revision - this.#everyRecords / 2;
    if (newest && newest.capture.revision >= recent) {
      this.#snapshotRevision = newest.capture.revision;
      return newest.capture.revision;
    }
    const capture = this.#state.capture();
    await appendSnapshot(this.#log, capture, newest);
    this.#snapshotRevision = capture.revision;
    return capture.revision;
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#submitted.values()) reject(error);
    for (const { reject } of this.#waiting) reject(error);
    this.#caughtUp.promise.catch(() => {});
    this.#caughtUp.reject(error);
  }
}
