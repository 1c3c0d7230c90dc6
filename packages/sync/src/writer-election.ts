import { LogError, type LogRecord, type MirrorLog, mirrorTopic, topicConfig, topics } from "@atoll/event-log";
import { Listeners, encodeJson, followTopic } from "@atoll/replica";
import { type Schedule, scheduleTimeout } from "./liveness-judge.ts";
import { type LeaseRecord, type LeaseState, type ZoneWriter, decodeLeaseRecord, foldLease, leaseKey, noLease } from "./zone-lease.ts";
import type { UpstreamConnection } from "./zone-sync.ts";

export interface WriterElectionOptions {
  zone: string;
  self: ZoneWriter;
  /** Where the election is decided: the log that all of the zone's sync services reach. */
  upstream: MirrorLog;
  /** Keeps a copy of the lease: a writer that starts again with upstream away is still the writer. */
  local: MirrorLog;
  connection?: UpstreamConnection | undefined;
  /** A writer that was not heard of for so long, while upstream was heard, is deposed. It says that it lives three times as often. */
  leaseMs: number;
  /** The local log has records of the zone from before there were elections: this instance writes until the log says otherwise. */
  isFounder: boolean;
  /** Greatest term in the zone's own topics here: a lease that was lost, or restored from a backup, goes on above it. */
  floor: number;
  schedule?: Schedule | undefined;
  signal: AbortSignal;
  onError: (error: unknown) => void;
}

export type Role =
  | {
      kind: "writer";
      term: number;
      /** Nobody else has written since this instance was the writer before: its log is the newest there is. */
      isResumed: boolean;
    }
  | { kind: "standby"; writer: ZoneWriter | undefined };

/**
 * Which of a zone's sync services writes for the zone. The log decides (`foldLease`), by claims in it; time only says when to claim: each
 * instance measures by its own clock how long nothing of the writer has arrived. While upstream is away nobody can claim, and the writer
 * stays the writer.
 */
export class WriterElection {
  readonly #options: WriterElectionOptions;
  readonly #topic: string;
  readonly #signal: AbortSignal;
  readonly #schedule: Schedule;
  readonly #listeners: Listeners<Role>;
  readonly #decided = Promise.withResolvers<void>();
  #state: LeaseState = noLease;
  #floor: number;
  #role: Role = { kind: "standby", writer: undefined };
  /** The copy has what upstream had when the copying began: before that nobody knows enough to claim. */
  #isCurrent = false;
  /** The copy is another one than was read, and not yet read: who claimed now would not know whom, and take its own former claim away. */
  #isUnread = false;
  /** Term of this process's own; a lease of the same instance from before a lost disk is none. */
  #ownTerm: number | undefined;
  /** Of the claim that this process sent last: one of an earlier life, which the log still has, is no claim of this one. */
  #claimedTerm: number | undefined;
  #cancel: (() => void) | undefined;
  #isSending = false;
  #isClosing = false;

  private constructor(options: WriterElectionOptions) {
    this.#options = options;
    this.#topic = topics.lease(options.zone);
    this.#signal = options.signal;
    this.#schedule = options.schedule ?? scheduleTimeout;
    this.#floor = options.floor;
    this.#listeners = new Listeners(options.onError);
  }

  /** Resolves when what the local copy says is known: a writer that starts again has its role by then. */
  static async open(options: WriterElectionOptions): Promise<WriterElection> {
    const election = new WriterElection(options);
    await election.#start();
    return election;
  }

  get role(): Role {
    return this.#role;
  }

  /** Resolves when there is a writer, this instance or another, or nobody can tell because upstream is away for the time given. */
  async decided(limitMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const cancel = this.#schedule(late.resolve, limitMs);
    await Promise.race([this.#decided.promise, late.promise]);
    cancel();
  }

  watch(listener: (role: Role) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Gives the lease back, so that another instance need not wait. Does not wait for an upstream that is away. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#cancel?.();
    if (this.#role.kind === "writer" && this.#options.connection?.connected !== false) {
      await Promise.race([
        this.#append({ op: "release", term: this.#role.term, writer: this.#options.self }).catch(() => undefined),
        new Promise<void>((resolve) => this.#schedule(resolve, 1_000)),
      ]);
    }
  }

  async #start(): Promise<void> {
    const { local, upstream, connection, self, onError } = this.#options;
    await local.ensureTopic(topicConfig(this.#topic));
    const read = Promise.withResolvers<void>();
    void followTopic({
      log: local,
      topic: this.#topic,
      position: () => this.#state.offset + 1,
      onBatch: (batch) => {
        for (const record of batch) this.#fold(record);
        if (batch.length === 0) {
          this.#isUnread = false;
          read.resolve();
        }
        this.#align();
      },
      // Upstream's topic was made anew, or is an older one.
      onOutOfRange: async () => {
        this.#floor = Math.max(this.#floor, this.#state.term);
        this.#state = noLease;
        this.#isUnread = true;
      },
      signal: this.#signal,
      onError,
    }).finally(read.resolve);
    await read.promise;
    if (this.#state.writer?.instance === self.instance) this.#ownTerm = this.#state.term;
    this.#align();
    const unwatch = connection?.watch(() => this.#align());
    const beat = setInterval(() => this.#renew(), this.#options.leaseMs / 3);
    beat.unref();
    this.#signal.addEventListener("abort", () => (clearInterval(beat), unwatch?.()), { once: true });
    void this.#mirror(upstream);
  }

  async #mirror(upstream: MirrorLog): Promise<void> {
    try {
      await mirrorTopic({
        topic: this.#topic,
        from: upstream,
        to: this.#options.local,
        signal: this.#signal,
        onCaughtUp: () => {
          this.#isCurrent = true;
          this.#align();
        },
      });
    } catch (error) {
      if (!this.#signal.aborted && !(error instanceof LogError && error.code === "closed")) this.#options.onError(error);
    }
  }

  #fold({ offset, value }: LogRecord): void {
    if (value === null || offset <= this.#state.offset) return;
    try {
      const before = this.#state;
      const record = decodeLeaseRecord(value);
      this.#state = foldLease(before, offset, record);
      const { self } = this.#options;
      const isOwnClaim = record.op === "claim" && record.writer.instance === self.instance && record.term === this.#claimedTerm;
      if (this.#state === before || !isOwnClaim) return;
      this.#ownTerm = record.term;
      this.#setRole({ kind: "writer", term: record.term, isResumed: before.last === undefined || before.last === self.instance });
      this.#renew();
    } catch (error) {
      this.#options.onError(new Error(`lease record ${offset} is unreadable and was passed over`, { cause: error }));
    }
  }

  /** Makes the role what the lease says, and sees to it that a silent writer is deposed. */
  #align(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#signal.aborted || this.#isClosing || this.#isUnread) return;
    const { self, leaseMs, connection, isFounder } = this.#options;
    if (this.#state === noLease && isFounder && this.#ownTerm === undefined) {
      this.#setRole({ kind: "writer", term: 0, isResumed: true });
      if (this.#isCurrent && connection?.connected !== false) this.#claim();
      return;
    }
    const { writer, term } = this.#state;
    const isSelf = writer?.instance === self.instance && term === this.#ownTerm;
    if (!isSelf) this.#setRole({ kind: "standby", writer: writer?.instance === self.instance ? undefined : writer });
    else if (this.#role.kind === "standby") this.#setRole({ kind: "writer", term, isResumed: true });
    if (isSelf || !this.#isCurrent || connection?.connected === false) return;
    if (!writer || writer.instance === self.instance) this.#claim();
    else this.#cancel = this.#schedule(() => this.#claim(), leaseMs);
  }

  #claim(): void {
    const { term, offset } = this.#state;
    this.#claimedTerm = Math.max(term, this.#floor) + 1;
    this.#send({ op: "claim", term: this.#claimedTerm, follows: offset, writer: this.#options.self });
  }

  /** Not before the copy is current: what an earlier life said of a later term would be compacted away by it, unread. */
  #renew(): void {
    if (this.#isCurrent && this.#role.kind === "writer") this.#send({ op: "renew", term: this.#role.term, writer: this.#options.self });
  }

  #send(record: LeaseRecord): void {
    if (this.#isSending || this.#isClosing || this.#signal.aborted) return;
    this.#isSending = true;
    this.#append(record).then(
      () => (this.#isSending = false),
      () => {
        this.#isSending = false;
        // Whether it came through is told by the log; if not, there is another try.
        if (record.op === "claim" && !this.#signal.aborted) this.#cancel = this.#schedule(() => this.#align(), this.#options.leaseMs / 3);
      },
    );
  }

  async #append(record: LeaseRecord): Promise<void> {
    const { upstream } = this.#options;
    await upstream.ensureTopic(topicConfig(this.#topic));
    // A renewal is told anew in any case.
    const durable = record.op !== "renew";
    await upstream.append(this.#topic, [{ key: leaseKey(record), value: encodeJson(record) }], { durable });
  }

  #setRole(role: Role): void {
    if (role.kind === "writer" || role.writer) this.#decided.resolve();
    const before = this.#role;
    this.#role = role;
    const isSame =
      before.kind === "writer"
        ? role.kind === "writer" && before.term === role.term
        : role.kind === "standby" && before.writer?.instance === role.writer?.instance && before.writer?.address === role.writer?.address;
    if (!isSame) this.#listeners.send(role);
  }
}
