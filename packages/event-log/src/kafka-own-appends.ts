import type { LogRecord } from "./event-log.ts";

/** So many records wait for a reader at most: one that is slower fetches them. */
const mostWaiting = 2_000;

/**
 * What a process appends to a topic, for its own readers of that topic: the broker's acknowledgement says where the records are, so whoever has
 * everything before them need not fetch them.
 */
export class OwnAppends {
  readonly #readers = new Set<OwnReader>();
  #underWay = 0;

  /** Records are on their way to the broker. */
  begin(): void {
    this.#underWay += 1;
  }

  /** They are in the log, as everybody reads them; or it is not known where, or whether. */
  end(records: readonly LogRecord[] | undefined): void {
    this.#underWay -= 1;
    for (const reader of this.#readers) reader.arrived(records ?? []);
  }

  get isUnderWay(): boolean {
    return this.#underWay > 0;
  }

  /** To be closed. */
  reader(): OwnReader {
    const reader = new OwnReader(this, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }
}

/** What arrives for one reader of the topic. */
export class OwnReader {
  readonly #appends: OwnAppends;
  readonly close: () => void;
  #waiting: LogRecord[] = [];
  #changed = Promise.withResolvers<undefined>();

  constructor(appends: OwnAppends, close: () => void) {
    this.#appends = appends;
    this.close = close;
  }

  arrived(records: readonly LogRecord[]): void {
    this.#waiting.push(...records);
    if (this.#waiting.length > mostWaiting) this.#waiting = [];
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers<undefined>();
  }

  /** Records that follow each other from `offset` on; what is before it is forgotten. */
  take(offset: number): readonly LogRecord[] {
    const first = this.#waiting.findIndex((record) => record.offset >= offset);
    this.#waiting = first < 0 ? [] : this.#waiting.slice(first);
    let count = 0;
    while (this.#waiting[count]?.offset === offset + count) count += 1;
    return this.#waiting.splice(0, count);
  }

  /** Whether the next record of the topic may be one of these: nothing else is known to come before. */
  get mayBeNext(): boolean {
    return this.#appends.isUnderWay && this.#waiting.length === 0;
  }

  /** Nothing is on its way, and nothing waits for what comes before it. */
  get isIdle(): boolean {
    return !this.#appends.isUnderWay && this.#waiting.length === 0;
  }

  /** Resolves when something has arrived, or will not. */
  changed(): Promise<undefined> {
    return this.#changed.promise;
  }
}
