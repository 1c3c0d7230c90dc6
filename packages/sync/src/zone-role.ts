import { type MirrorLog, topics } from "@atoll/event-log";
import { WriterFence, readToHead } from "@atoll/replica";
import { restoreOwnTopics } from "./restore-own-topics.ts";
import { takeOver } from "./take-over.ts";
import { type Role, WriterElection } from "./writer-election.ts";
import { WriterDuty, type WriterDutyOptions } from "./writer-duty.ts";
import type { ZoneLog } from "./zone-log.ts";
import type { ZoneWriter } from "./zone-lease.ts";
import type { ZoneSyncStatus } from "./zone-sync.ts";

export interface ZoneRoleOptions extends Omit<WriterDutyOptions, "local" | "term" | "takenOverAt"> {
  local: ZoneLog;
  self: ZoneWriter;
  dial: ((writer: ZoneWriter) => MirrorLog) | undefined;
  leaseMs: number;
  restoreTimeoutMs: number;
  signal: AbortSignal;
  onRole?: ((role: ZoneSyncStatus["role"]) => void) | undefined;
}

/** Makes a sync service do what the election says: write for the zone, or keep a copy of what the writer has. */
export class ZoneRole {
  readonly #options: ZoneRoleOptions;
  readonly #own: readonly string[];
  #election: WriterElection | undefined;
  #role: Role | undefined;
  #duty: WriterDuty | undefined;
  /** Ends what belongs to the present role. */
  #until = new AbortController();
  #taking: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: ZoneRoleOptions) {
    this.#options = options;
    this.#own = [topics.zone(options.zone), topics.inventory(options.zone)];
  }

  /** Resolves when this instance has its role; without one, because upstream is away, after `restoreTimeoutMs`. */
  static async open(options: ZoneRoleOptions): Promise<ZoneRole> {
    const role = new ZoneRole(options);
    await role.#open();
    return role;
  }

  async settled(): Promise<void> {
    await this.#taking;
    await this.#duty?.settled();
  }

  status(): ZoneSyncStatus["role"] {
    const role = this.#role;
    if (role === undefined) return { writes: true };
    if (role.kind === "writer") return { writes: true, term: role.term };
    return { writes: false, ...(role.writer ? { writer: role.writer.instance } : {}) };
  }

  /** Ends the duty first, so that nothing is written after the lease was given back. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#until.abort();
    this.#options.local.writeNowhere();
    await this.#taking.catch(() => undefined);
    await this.#duty?.close();
    await this.#election?.close();
  }

  async #open(): Promise<void> {
    const { zone, local, upstream, connection, self, leaseMs, restoreTimeoutMs, schedule, signal, onError } = this.#options;
    if (!upstream) {
      local.writeHere(undefined);
      this.#duty = await WriterDuty.begin({ ...this.#options, term: undefined, takenOverAt: new Map() });
      return;
    }
    const terms = await Promise.all(this.#own.map((topic) => greatestTerm(topic, local)));
    const heads = await Promise.all(this.#own.map((topic) => local.head(topic)));
    const election = await WriterElection.open({
      zone,
      self,
      upstream,
      local,
      connection,
      leaseMs,
      isFounder: heads.some((head) => head > 0),
      floor: Math.max(...terms),
      schedule,
      signal,
      onError,
    });
    this.#election = election;
    election.watch((role) => this.#change(role));
    this.#change(election.role);
    await election.decided(restoreTimeoutMs);
    await this.#taking;
  }

  #change(role: Role): void {
    if (this.#closed || this.#options.signal.aborted) return;
    this.#role = role;
    this.#until.abort();
    this.#options.local.writeNowhere();
    const until = new AbortController();
    this.#until = until;
    this.#options.onRole?.(this.status());
    const signal = AbortSignal.any([until.signal, this.#options.signal]);
    this.#taking = this.#taking
      .then(() => this.#take(role, signal))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#options.onError(error);
      });
  }

  async #take(role: Role, signal: AbortSignal): Promise<void> {
    await this.#duty?.close();
    this.#duty = undefined;
    if (signal.aborted) return;
    if (role.kind === "writer") await this.#write(role, signal);
    else if (role.writer && this.#options.dial) this.#follow(this.#options.dial(role.writer), signal);
  }

  async #write({ term, isResumed }: Role & { kind: "writer" }, signal: AbortSignal): Promise<void> {
    const { local, restoreTimeoutMs, onError } = this.#options;
    const upstream = this.#options.upstream!;
    let takenOverAt: ReadonlyMap<string, number> = new Map();
    if (isResumed) await restoreOwnTopics({ topics: this.#own, local, upstream, timeoutMs: restoreTimeoutMs, signal, onError });
    else takenOverAt = await takeOver({ topics: this.#own, local, upstream, signal });
    if (signal.aborted) return;
    local.writeHere(term);
    this.#duty = await WriterDuty.begin({ ...this.#options, term, takenOverAt, signal });
  }

  #follow(writersLog: MirrorLog, signal: AbortSignal): void {
    const { local, mirrors } = this.#options;
    local.writeThere(writersLog);
    const copies = this.#own.map((topic) => mirrors.run({ topic, direction: "across", from: writersLog, to: local, signal }));
    void Promise.all(copies).then(() => writersLog.close());
  }
}

async function greatestTerm(topic: string, log: MirrorLog): Promise<number> {
  const fence = new WriterFence();
  for await (const batch of readToHead(log, topic, 0)) for (const record of batch) fence.admits(record);
  return fence.term;
}
