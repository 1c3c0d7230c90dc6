import {
  type AppendOptions,
  LogError,
  type LogRecord,
  type MirrorLog,
  type MirrorOptions,
  type NewRecord,
  type TopicConfig,
  topics,
  withTerm,
} from "@atoll/event-log";

/** The zone's own log: what it holds is served with everything else down. `EmbeddedLog` is one. */
export interface LocalLog extends MirrorLog {
  truncateBefore(topic: string, offset: number): Promise<void>;
}

/** On a record that a standby passes on: who gets it and is no writer either refuses it, so that nothing goes round in circles. */
const passedOn = "atoll-passed-on";

type Target = { kind: "none" } | { kind: "here"; term: number | undefined } | { kind: "there"; log: MirrorLog };

/**
 * The log of one of a zone's sync services, as its other services and its proxies' records see it: reads come from the local log; what is
 * appended to the zone's own topics goes to the zone's writer, wherever that is, and comes back with its copy at the same offset.
 */
export class ZoneLog implements LocalLog {
  readonly #local: LocalLog;
  readonly #own: ReadonlySet<string>;
  #target: Target = { kind: "none" };

  constructor(local: LocalLog, zone: string) {
    this.#local = local;
    this.#own = new Set([topics.zone(zone), topics.inventory(zone)]);
  }

  /** This instance writes. Without a term: it is the only one, ever. */
  writeHere(term: number | undefined): void {
    this.#target = { kind: "here", term };
  }

  writeThere(log: MirrorLog): void {
    this.#target = { kind: "there", log };
  }

  /** Until it is known who writes, appends are refused with "unavailable", and come again. */
  writeNowhere(): void {
    this.#target = { kind: "none" };
  }

  async append(topic: string, records: readonly NewRecord[], options?: AppendOptions): Promise<number[]> {
    if (!this.#own.has(topic)) return this.#local.append(topic, records, options);
    const target = this.#target;
    const isPassedOn = records.some((record) => record.headers?.[passedOn] !== undefined);
    if (target.kind === "here") {
      const own = isPassedOn ? records.map(withoutMark) : records;
      return this.#local.append(topic, target.term === undefined ? own : own.map((record) => withTerm(record, target.term)), options);
    }
    if (target.kind === "none" || isPassedOn) throw new LogError("unavailable", "the zone has no writer at present");
    return target.log.append(
      topic,
      records.map((record) => ({ ...record, headers: { ...record.headers, [passedOn]: "1" } })),
      options,
    );
  }

  ensureTopic(topic: TopicConfig): Promise<void> {
    return this.#local.ensureTopic(topic);
  }

  appendMirror(topic: string, records: readonly LogRecord[], options?: MirrorOptions): Promise<number> {
    return this.#local.appendMirror(topic, records, options);
  }

  read(topic: string, fromOffset: number, signal: AbortSignal): AsyncIterable<readonly LogRecord[]> {
    return this.#local.read(topic, fromOffset, signal);
  }

  describe(topic: string) {
    return this.#local.describe(topic);
  }

  head(topic: string): Promise<number> {
    return this.#local.head(topic);
  }

  tail(topic: string): Promise<number> {
    return this.#local.tail(topic);
  }

  truncateBefore(topic: string, offset: number): Promise<void> {
    return this.#local.truncateBefore(topic, offset);
  }

  /** The local log is its opener's to close. */
  async close(): Promise<void> {}
}

function withoutMark(record: NewRecord): NewRecord {
  const { [passedOn]: _mark, ...headers } = record.headers ?? {};
  return { ...record, headers };
}
