import { type LogRecord, termOf } from "@atoll/event-log";

const markPrefix = "writer/";

/**
 * Key of the record with which a writer begins its term. No other term's writer writes it: compaction, which keeps the newest record of a
 * key whoever wrote it, leaves it where it is, before whatever a deposed writer adds later.
 */
export const writerMark = (term: number): string => `${markPrefix}${term}`;
export const isWriterMark = (key: string): boolean => key.startsWith(markPrefix);

/**
 * Tells the records of a topic's writers from those of a writer that was deposed and does not know it yet. Where several processes may
 * write a topic, each record carries its writer's term, and terms grow: what comes with a lower term than a record before it is not
 * believed. One fence for each reading from the topic's beginning; it is asked about every record, in order.
 */
export class WriterFence {
  #term = 0;

  /** The greatest term so far. */
  get term(): number {
    return this.#term;
  }

  admits(record: LogRecord): boolean {
    const term = termOf(record);
    if (term < this.#term) return false;
    this.#term = term;
    return true;
  }
}
