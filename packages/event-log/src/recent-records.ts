import type { LogRecord } from "./event-log.ts";

const mostRecords = 1_000;
const mostBytes = 1024 * 1024;

/** The newest records of a topic, without gaps: followers that are a little behind get them without asking the database. */
export class RecentRecords {
  #records: LogRecord[] = [];
  #sizeBytes = 0;

  /** In the order of their offsets, all later than those before. */
  add(records: readonly LogRecord[]): void {
    for (const record of records) {
      this.#records.push(record);
      this.#sizeBytes += sizeOf(record);
    }
    let dropped = 0;
    while (this.#records.length - dropped > mostRecords || this.#sizeBytes > mostBytes) {
      this.#sizeBytes -= sizeOf(this.#records[dropped]!);
      dropped++;
    }
    if (dropped > 0) this.#records.splice(0, dropped);
  }

  clear(): void {
    this.#records = [];
    this.#sizeBytes = 0;
  }

  /** Those from `position` on; undefined if older ones may be missing here. */
  from(position: number): readonly LogRecord[] | undefined {
    const records = this.#records;
    if (records.length === 0 || position < records[0]!.offset) return undefined;
    let [low, high] = [0, records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (records[middle]!.offset < position) low = middle + 1;
      else high = middle;
    }
    return records.slice(low);
  }
}

const sizeOf = ({ value }: LogRecord): number => (value?.byteLength ?? 0) + 100;
