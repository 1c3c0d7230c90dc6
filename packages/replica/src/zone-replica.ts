import { Backoff, type EventLog, LogError, type LogRecord, type NewRecord, pause, topics, tracedAppend } from "@atoll/event-log";
import { type KeyString, type Resource, type ResourceDraft, type ResourceKey, keyString, parseKeyString } from "@atoll/resource";
import { equalValue } from "./equal-value.ts";
import { ensureTopicIfAllowed, followTopic, readToHead, retryUntilAvailable } from "./follow.ts";
import { Listeners } from "./listeners.ts";
import type { ChangeEvent, ResourceReader } from "./reader.ts";
import { decodeResource, encodeJson } from "./record-codec.ts";
import { ResourceTable } from "./resource-table.ts";
import { WriterFence, isWriterMark } from "./writer-fence.ts";

export interface ZoneReplicaOptions {
  log: EventLog;
  zone: string;
  /** Another topic of the same form. Default: the zone's. */
  topic?: string;
  signal?: AbortSignal;
  /** RFC 3339 time of a write. */
  now?: () => string;
  onError?: (error: unknown) => void;
}

export interface ZoneWriteOptions {
  /** Default 10,000. */
  timeoutMs?: number;
  /** Default true. False for what is observed, and told anew in any case. */
  durable?: boolean;
  /** Gives the write up: it is not tried again. */
  signal?: AbortSignal;
}

/** A write that cannot be read yet. */
interface OnTheWay {
  /** null = it is deleted. */
  resource: Resource | null;
  /** As it was appended. */
  bytes: Uint8Array | null;
  done: Promise<void>;
  settled: Promise<void>;
}

/** A copy of one zone's own resources that follows `atoll.zone.<zone>`: the last record of a key wins, unless its writer was deposed. */
export class ZoneReplica implements ResourceReader {
  readonly zone: string;
  readonly #log: EventLog;
  readonly #topic: string;
  readonly #now: () => string;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #listeners: Listeners<ChangeEvent>;
  readonly #caughtUp = Promise.withResolvers<void>();
  readonly #waiting = new Set<{ offset: number; resolve: () => void; reject: (error: unknown) => void }>();
  /** Values on their way into the log, so that a second write of a key is compared with the first and not with what it replaces. */
  readonly #onTheWay = new Map<KeyString, OnTheWay>();
  /** Writes that have not given up, to be told when the replica closes. */
  readonly #writing = new Set<AbortController>();
  #table = new ResourceTable();
  #position = 0;
  #fence = new WriterFence();
  #following: Promise<void> = Promise.resolve();

  private constructor(options: ZoneReplicaOptions) {
    this.zone = options.zone;
    this.#log = options.log;
    this.#topic = options.topic ?? topics.zone(options.zone);
    this.#now = options.now ?? (() => new Date().toISOString());
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    this.#onError = options.onError ?? (() => {});
    this.#listeners = new Listeners(this.#onError);
  }

  /** Resolves when the replica has every record up to the head of the topic at that time. */
  static async open(options: ZoneReplicaOptions): Promise<ZoneReplica> {
    const replica = new ZoneReplica(options);
    const closed = () => {
      replica.#rejectAll(new LogError("closed", "the zone replica was closed"));
      for (const writing of replica.#writing) writing.abort();
    };
    if (replica.#signal.aborted) closed();
    else replica.#signal.addEventListener("abort", closed, { once: true });
    try {
      await retryUntilAvailable(() => ensureTopicIfAllowed(replica.#log, replica.#topic, "compact"), replica.#signal);
      replica.#following = followTopic({
        log: replica.#log,
        topic: replica.#topic,
        position: () => replica.#position,
        onBatch: (batch) => replica.#take(batch),
        onOutOfRange: () => replica.#rebuild(),
        signal: replica.#signal,
        onError: replica.#onError,
      });
      await replica.#caughtUp.promise;
    } catch (error) {
      replica.#stop.abort();
      throw error;
    }
    return replica;
  }

  /** Offset after the newest record folded here: local to this log, not a revision of the configuration. */
  get position(): number {
    return this.#position;
  }

  get size(): number {
    return this.#table.size;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#table.get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.#table.list(type, mesh);
  }

  all(): Iterable<Resource> {
    return this.#table.all();
  }

  watch(listener: (event: ChangeEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Writes the resource and waits until it is readable here; a value equal to the present one appends nothing.
   * @throws LogError "unavailable" after `timeoutMs`, "forbidden", "too-large".
   */
  async put<Spec>(draft: ResourceDraft<Spec>, options: ZoneWriteOptions = {}): Promise<Resource<Spec>> {
    const { type, mesh, name, labels, spec } = draft;
    const key = keyString(draft);
    const onTheWay = this.#onTheWay.get(key);
    const present = onTheWay ? (onTheWay.resource ?? undefined) : this.get(type, mesh, name);
    if (present && equalValue(present, draft)) {
      await onTheWay?.done;
      return present as Resource<Spec>;
    }
    const at = this.#now();
    const creationTime = present?.creationTime ?? at;
    const resource: Resource<Spec> = {
      type,
      mesh,
      name,
      ...(labels ? { labels } : {}),
      spec,
      creationTime,
      modificationTime: at,
      revision: 0,
    };
    await this.#write(key, resource, options);
    return resource;
  }

  /** False if there was nothing to delete. */
  async delete(key: ResourceKey, options: ZoneWriteOptions = {}): Promise<boolean> {
    const text = keyString(key);
    const onTheWay = this.#onTheWay.get(text);
    const present = onTheWay ? onTheWay.resource : this.get(key.type, key.mesh, key.name);
    if (!present) {
      await onTheWay?.done;
      return false;
    }
    await this.#write(text, null, options);
    return true;
  }

  /** Resolves once every record before this position of the topic is folded here. @throws LogError "unavailable" when the signal aborts. */
  async reaches(position: number, signal: AbortSignal): Promise<void> {
    while (this.#position < position) {
      try {
        await this.#folded(position - 1, signal);
      } catch (error) {
        // Read anew: its positions go on from where they were.
        if (signal.aborted || this.#signal.aborted) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  async #write(key: KeyString, resource: Resource | null, options: ZoneWriteOptions): Promise<void> {
    if (this.#signal.aborted) throw new LogError("closed", "the zone replica is closed");
    const { timeoutMs = 10_000, durable = true } = options;
    // Writes of one key go one after the other: a retried older one must not overtake a newer one.
    const earlier = this.#onTheWay.get(key)?.settled;
    const record = { key, value: resource && encodeJson(resource) };
    const run = async (): Promise<void> => {
      // Composed signals, and timeouts that nobody takes back, cost more than the write.
      const writing = new AbortController();
      const { signal } = writing;
      const giveUp = () => writing.abort();
      const timer = setTimeout(giveUp, timeoutMs);
      this.#writing.add(writing);
      options.signal?.addEventListener("abort", giveUp);
      if (options.signal?.aborted) giveUp();
      try {
        // The wait is part of the time this write has.
        if (earlier) await Promise.race([earlier, aborted(signal)]);
        if (signal.aborted) throw new LogError("unavailable", `${this.#topic}: an earlier write of ${key} is still on its way`);
        await this.#append(record, durable, signal);
      } finally {
        clearTimeout(timer);
        this.#writing.delete(writing);
        options.signal?.removeEventListener("abort", giveUp);
      }
    };
    const done = run();
    // A write that gave up waiting does not let the next one past those it waited for.
    const settled = Promise.allSettled([earlier, done]).then(() => {
      if (this.#onTheWay.get(key) === entry) this.#onTheWay.delete(key);
    });
    const entry = { resource, bytes: record.value, done, settled };
    this.#onTheWay.set(key, entry);
    await done;
  }

  async #append(record: NewRecord, durable: boolean, signal: AbortSignal): Promise<void> {
    let backoff: Backoff | undefined;
    for (;;) {
      try {
        const [offset] = await tracedAppend(this.#log, this.#topic, [record], { durable });
        await this.#folded(offset!, signal);
        return;
      } catch (error) {
        if (!(error instanceof LogError) || !error.canRetry || signal.aborted) throw error;
        backoff ??= new Backoff({ firstMs: 10, maxMs: 500 });
        await pause(backoff.next(), signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /** What a record says. Those that were written here are read back, too, and need not be decoded: the value is the one that was encoded. */
  readonly #decode = ({ key, value }: LogRecord): Resource => {
    const own = this.#onTheWay.get(key as KeyString);
    return own?.resource && own.bytes && equalBytes(own.bytes, value!) ? own.resource : decodeResource(value!);
  };

  async #folded(offset: number, signal: AbortSignal): Promise<void> {
    if (this.#position > offset) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { offset, resolve, reject };
    this.#waiting.add(waiter);
    const late = () => reject(new LogError("unavailable", `${this.#topic}: record ${offset} was not read back in time`));
    signal.addEventListener("abort", late, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", late);
      this.#waiting.delete(waiter);
    }
  }

  async #take(batch: readonly LogRecord[]): Promise<boolean> {
    const first = batch[0];
    if (!first) {
      this.#caughtUp.resolve();
      return true;
    }
    // Compaction leaves holes, and those are fine; but it may also have dropped a tombstone that we never saw.
    if (this.#position > 0 && first.offset > this.#position && (await this.#log.tail(this.#topic)) > this.#position) {
      await this.#rebuild();
      return false;
    }
    const changed = foldInto(this.#table, batch, this.#position, this.#fence, this.#decode, this.#onError);
    this.#publish(changed, Math.max(this.#position, batch.at(-1)!.offset + 1));
    return true;
  }

  async #rebuild(): Promise<void> {
    const table = new ResourceTable();
    const fence = new WriterFence();
    const head = await this.#log.head(this.#topic);
    let position = 0;
    for await (const batch of readToHead(this.#log, this.#topic, 0, this.#signal)) {
      foldInto(table, batch, 0, fence, this.#decode, this.#onError);
      position = batch.at(-1)!.offset + 1;
    }
    // What was read reaches the head, also where the newest records are tombstones that are gone.
    position = Math.max(position, Math.min(head, await this.#log.head(this.#topic)));
    const changed = new Set<KeyString>();
    for (const resource of this.#table.all()) {
      const now = table.get(resource.type, resource.mesh, resource.name);
      if (!now || !equalValue(now, resource)) changed.add(keyString(resource));
    }
    for (const resource of table.all()) {
      if (!this.#table.get(resource.type, resource.mesh, resource.name)) changed.add(keyString(resource));
    }
    this.#table = table;
    this.#fence = fence;
    this.#position = position;
    // Offsets may have been another log's: who waits for one writes again.
    for (const { reject } of this.#waiting) reject(new LogError("unavailable", `${this.#topic} was read anew`));
    this.#waiting.clear();
    this.#publish(changed, position);
  }

  #publish(changed: ReadonlySet<KeyString>, position: number): void {
    this.#position = position;
    if (changed.size > 0) this.#listeners.send({ revision: this.#position, keys: [...changed] });
    for (const waiter of this.#waiting) if (waiter.offset < this.#position) waiter.resolve();
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting) reject(error);
    this.#caughtUp.promise.catch(() => {});
    this.#caughtUp.reject(error);
  }
}

const equalBytes = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && Buffer.compare(one, other) === 0;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));

/** Last writer wins; returns the keys whose value is now another. */
function foldInto(
  table: ResourceTable,
  batch: readonly LogRecord[],
  position: number,
  fence: WriterFence,
  decode: (record: LogRecord) => Resource,
  onError: (error: unknown) => void,
): Set<KeyString> {
  const before = new Map<KeyString, Resource | undefined>();
  for (const record of batch) {
    if (record.offset < position || !fence.admits(record) || record.key === null || isWriterMark(record.key)) continue;
    try {
      const key = parseKeyString(record.key);
      const text = keyString(key);
      if (!before.has(text)) before.set(text, table.get(key.type, key.mesh, key.name));
      if (record.value) table.set({ ...decode(record), ...key });
      else table.delete(key);
    } catch (error) {
      onError(new Error(`zone record ${record.offset} (${record.key}) is unreadable and was passed over`, { cause: error }));
    }
  }
  const changed = new Set<KeyString>();
  for (const [text, was] of before) {
    const { type, mesh, name } = parseKeyString(text);
    const is = table.get(type, mesh, name);
    if (was === is || (was && is && equalValue(was, is))) continue;
    changed.add(text);
  }
  return changed;
}
