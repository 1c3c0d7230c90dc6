import { LogError, maxAppendBytes, recordBytes, withTerm } from "./event-log.ts";
import type { CopyPosition, LogRecord, MirrorOptions, NewRecord } from "./event-log.ts";

/** On every record that was copied from another log: `<incarnation>/<offset>` there. Kafka gives offsets of its own. */
const originHeader = "atoll-origin";

/** How far a copy has come, by its newest record. */
export function copyPosition(newest: LogRecord | undefined): CopyPosition {
  const origin = newest?.headers[originHeader];
  const slash = origin?.lastIndexOf("/") ?? -1;
  if (origin === undefined || slash < 0) return { incarnation: "", head: 0 };
  return { incarnation: origin.slice(0, slash), head: Number(origin.slice(slash + 1)) + 1 };
}

const withOrigin = (record: NewRecord, incarnation: string, offset: number): NewRecord => ({
  key: record.key ?? null,
  value: record.value,
  headers: { ...record.headers, [originHeader]: `${incarnation}/${offset}` },
});

export interface CopyTargetOptions {
  topic: string;
  append: (records: readonly NewRecord[]) => Promise<unknown>;
  /** Where the copy is, by the topic itself. */
  position: () => Promise<CopyPosition>;
  /** Everything the topic holds now. */
  content: () => AsyncIterable<readonly LogRecord[]>;
}

/** Writes the copy of another log's compacted topic into Kafka. One process at a time does that for a topic. */
export class CopyTarget {
  readonly #options: CopyTargetOptions;
  #known: CopyPosition | undefined;
  #appending = 0;
  #staged: LogRecord[] | undefined;

  constructor(options: CopyTargetOptions) {
    this.#options = options;
  }

  async position(): Promise<CopyPosition> {
    const found = await this.#options.position();
    if (this.#appending === 0) this.#known = found;
    return found;
  }

  async append(records: readonly LogRecord[], { incarnation = "", replacement, term }: MirrorOptions): Promise<number> {
    if (replacement) return this.#replace(records, incarnation, replacement, term);
    const { topic } = this.#options;
    const known = this.#known ?? (await this.position());
    if (known.head > 0 && incarnation !== "" && known.incarnation !== incarnation) {
      throw new LogError("topic-mismatch", `the copy of ${topic} was made from another incarnation of its source`);
    }
    const fresh = records.filter(({ offset }) => offset >= known.head);
    const last = fresh.at(-1);
    if (!last) return known.head;
    return this.#advance(
      { incarnation, head: last.offset + 1 },
      fresh.map((record) => withOrigin(record, incarnation, record.offset)),
      term,
    );
  }

  /**
   * Appends what makes the topic's content that of the source: the values that differ, and tombstones. The origin comes with the
   * last record only, so that a replacement that was cut off is made again.
   */
  async #replace(
    records: readonly LogRecord[],
    incarnation: string,
    { first, last, tail }: NonNullable<MirrorOptions["replacement"]>,
    term: number | undefined,
  ): Promise<number> {
    const { topic, content } = this.#options;
    if (first) this.#staged = [];
    if (!this.#staged) throw new LogError("unavailable", `the replacement of ${topic} was not begun here: begin again`);
    this.#staged.push(...records);
    if (!last) return this.#known?.head ?? 0;
    const staged = this.#staged;
    this.#staged = undefined;

    const wanted = newestByKey(staged);
    const present = new Map<string, LogRecord>();
    for await (const batch of content()) for (const [key, record] of newestByKey(batch)) present.set(key, record);
    const changes: NewRecord[] = [];
    for (const [key, record] of wanted) if (!sameValue(present.get(key), record)) changes.push(record);
    for (const [key, { value }] of present) if (value !== null && !wanted.has(key)) changes.push({ key, value: null });
    const closing = changes.pop() ?? staged.at(-1) ?? [...present.values()].at(-1);
    const head = (staged.at(-1)?.offset ?? tail - 1) + 1;
    if (!closing) return head;
    changes.push(withOrigin(closing, incarnation, head - 1));
    return this.#advance({ incarnation, head }, changes, term);
  }

  async #advance(to: CopyPosition, records: readonly NewRecord[], term: number | undefined): Promise<number> {
    // Until it is acknowledged, nobody knows how far the copy is.
    this.#known = undefined;
    this.#appending += 1;
    try {
      for (const part of parts(records.map((record) => withTerm(record, term)))) await this.#options.append(part);
    } finally {
      this.#appending -= 1;
    }
    this.#known = to;
    return to.head;
  }
}

function newestByKey(records: readonly LogRecord[]): Map<string, LogRecord> {
  return new Map(records.flatMap((record) => (record.key === null ? [] : [[record.key, record]])));
}

function sameValue(a: LogRecord | undefined, b: LogRecord): boolean {
  if (!a || a.value === null || b.value === null) return (a?.value ?? null) === b.value;
  return Buffer.compare(a.value, b.value) === 0;
}

function* parts(records: readonly NewRecord[]): Generator<readonly NewRecord[]> {
  let part: NewRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = recordBytes(record);
    if (part.length > 0 && bytes + size > maxAppendBytes / 2) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
