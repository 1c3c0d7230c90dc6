import { LogError, maxAppendBytes, recordBytes, topicConfig } from "./event-log.ts";
import type { LogRecord, MirrorLog, TopicConfig } from "./event-log.ts";

/** Topics of a log as lines of JSON: who it is, then each topic with its records, then how many there were. */
type ArchiveLine =
  | { archive: "atoll-log"; version: 1; at: string }
  | ArchivedTopic
  | ArchivedRecord
  | { end: { topics: number; records: number } };

interface ArchivedTopic {
  topic: string;
  cleanup: TopicConfig["cleanup"];
  incarnation: string;
  tail: number;
}

interface ArchivedRecord {
  offset: number;
  /** Milliseconds since the epoch. */
  timestamp: number;
  key: string | null;
  /** null = a tombstone. What is not UTF-8 is in `base64` instead. */
  text?: string | null;
  base64?: string;
  headers?: Readonly<Record<string, string>>;
}

export interface ArchiveSummary {
  topics: string[];
  records: number;
}

export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

/** Everything that the topics hold now, and nothing that is written meanwhile; those that do not exist are left out. */
export async function* archiveLines(log: MirrorLog, topics: readonly string[], at: Date): AsyncGenerator<string> {
  const line = (content: ArchiveLine): string => `${JSON.stringify(content)}\n`;
  yield line({ archive: "atoll-log", version: 1, at: at.toISOString() });
  const total = { topics: 0, records: 0 };
  for (const topic of topics) {
    const { incarnation, cleanup, head, tail } = await log.describe(topic);
    if (incarnation === "") continue;
    total.topics++;
    yield line({ topic, cleanup, incarnation, tail });
    for await (const batch of recordsUpTo(log, topic, cleanup === "keep" ? tail : 0, head)) {
      total.records += batch.length;
      yield batch.map((record) => line(archived(record))).join("");
    }
  }
  yield line({ end: total });
}

async function* recordsUpTo(log: MirrorLog, topic: string, from: number, head: number): AsyncGenerator<readonly LogRecord[]> {
  const stop = new AbortController();
  try {
    for await (const batch of log.read(topic, from, stop.signal)) {
      yield batch.filter(({ offset }) => offset < head);
      if (batch.length === 0 || batch.at(-1)!.offset >= head - 1) return;
    }
  } finally {
    stop.abort();
  }
}

function archived({ offset, timestamp, key, value, headers }: LogRecord): ArchivedRecord {
  const common = { offset, timestamp, key, ...(Object.keys(headers).length > 0 && { headers }) };
  if (value === null) return { ...common, text: null };
  const bytes = Buffer.from(value);
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? { ...common, text } : { ...common, base64: bytes.toString("base64") };
}

function restored({ offset, timestamp, key, text, base64, headers = {} }: ArchivedRecord): LogRecord {
  const value = base64 !== undefined ? Buffer.from(base64, "base64") : text === null ? null : Buffer.from(text ?? "", "utf8");
  return { offset, timestamp, key, value, headers };
}

/** Reads an archive to its end without writing anything. @throws ArchiveError where it is none, or is not whole. */
export async function checkArchive(lines: AsyncIterable<string>): Promise<ArchiveSummary> {
  const summary: ArchiveSummary = { topics: [], records: 0 };
  let number = 0;
  let whole = false;
  for await (const text of lines) {
    number++;
    const line = parsed(text, number);
    if (whole) throw new ArchiveError(`line ${number}: something follows the end`);
    if (number === 1) {
      if (!("archive" in line) || line.archive !== "atoll-log") throw new ArchiveError("this is no archive of a log of Atoll");
      if (line.version !== 1) throw new ArchiveError(`the archive has version ${line.version}, this Atoll knows 1`);
    } else if ("topic" in line) summary.topics.push(line.topic);
    else if ("offset" in line && summary.topics.length > 0) summary.records++;
    else if ("end" in line) {
      const { topics, records } = line.end;
      if (topics !== summary.topics.length || records !== summary.records)
        throw new ArchiveError(`it has ${summary.records} records of ${summary.topics.length} topics, and says ${records} of ${topics}`);
      whole = true;
    } else throw new ArchiveError(`line ${number}: neither a topic nor a record`);
  }
  if (!whole) throw new ArchiveError("the archive is not whole: its last line is missing");
  return summary;
}

function parsed(text: string, number: number): ArchiveLine {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === "object" && line !== null) return line as ArchiveLine;
  } catch {
    // Said below.
  }
  throw new ArchiveError(`line ${number} is not JSON: the archive is not whole`);
}

/**
 * Puts an archive that was checked into a log that has none of its topics yet. With `asCopy` records keep their offsets and topics stay the
 * same ones for whoever has copied them (an embedded log); otherwise they are appended anew, and the configuration has to come out at
 * the offsets it had, since they are its revisions. @throws ArchiveError, LogError
 */
export async function restoreArchive(lines: AsyncIterable<string>, log: MirrorLog, options: { asCopy: boolean }): Promise<void> {
  let topic: ArchivedTopic | undefined;
  let pending: LogRecord[] = [];
  let bytes = 0;
  let first = true;
  const flush = async (last: boolean): Promise<void> => {
    if (topic === undefined || (!options.asCopy && pending.length === 0)) return;
    const { topic: name, incarnation, tail } = topic;
    if (!options.asCopy) await appendAnew(log, name, pending);
    else await log.appendMirror(name, pending, { incarnation, ...(tail > 0 && { replacement: { first, last, tail } }) });
    first = false;
    pending = [];
    bytes = 0;
  };
  for await (const text of lines) {
    const line = JSON.parse(text) as ArchiveLine;
    if ("topic" in line || "end" in line) await flush(true);
    if ("topic" in line) {
      if ((await log.head(line.topic)) > 0)
        throw new ArchiveError(`topic ${line.topic} has records already: an archive goes into an empty log`);
      await log.ensureTopic(topicConfig(line.topic));
      topic = line;
      first = true;
    }
    if (!("offset" in line)) continue;
    const record = restored(line);
    const size = recordBytes(record);
    if (bytes + size > maxAppendBytes / 2 || pending.length === 1_000) await flush(false);
    pending.push(record);
    bytes += size;
  }
}

async function appendAnew(log: MirrorLog, topic: string, records: readonly LogRecord[]): Promise<void> {
  const offsets = await log.append(topic, records);
  const isKept = topicConfig(topic).cleanup === "keep";
  const moved = records.findIndex(({ offset }, index) => offsets[index] !== offset);
  if (isKept && moved >= 0)
    throw new LogError("topic-mismatch", `${topic}: the record at offset ${records[moved]!.offset} came out at ${offsets[moved]}`);
}
