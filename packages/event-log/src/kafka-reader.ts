import fetchRequest from "kafkajs/src/protocol/requests/fetch/index.js";
import type { FetchedRecord } from "kafkajs/src/protocol/requests/fetch/index.js";
import { Backoff } from "./backoff.ts";
import { LogError } from "./event-log.ts";
import type { LogRecord } from "./event-log.ts";
import type { KafkaClient, TopicPlace } from "./kafka-client.ts";
import type { BrokerConnection } from "./kafka-connection.ts";
import { toLogError } from "./kafka-errors.ts";
import type { OwnAppends, OwnReader } from "./kafka-own-appends.ts";
import { followerPace, largeBatch, Pace } from "./pace.ts";
import { pause } from "./pause.ts";

/** How long a broker holds a fetch that finds nothing; what arrives is sent at once. */
const longPollMs = 5_000;
/** How much later the answer may come before the connection is given up. */
const answerSlackMs = 5_000;
const batchBytes = 1024 * 1024;
/** More than the largest append: a whole batch fits behind any number of emptied ones. */
const roomyBytes = 16 * 1024 * 1024;

export interface KafkaReaderOptions {
  client: KafkaClient;
  /** As Kafka names it. */
  topic: string;
  fromOffset: number;
  signal: AbortSignal;
  /** Compacted topics: the offset from which on a resuming reader may be sure to see every tombstone; 0 for a topic that is kept. */
  resumableFrom: (place: TopicPlace) => Promise<number>;
  /** Resolves when this process created the topic, so that a reader of an absent one need not ask again so soon. */
  created: (topic: string, signal: AbortSignal) => Promise<void>;
  isCompacted: (place: TopicPlace) => Promise<boolean>;
  /** What this process appends to the topic. */
  own: OwnAppends;
  /** A broker answers: at the beginning, and again after each interruption. */
  onConnected?: (() => void) | undefined;
  onInterrupted?: ((topic: string, error: LogError, delayMs: number) => void) | undefined;
}

interface Position {
  /** Next offset to be given. */
  next: number;
  caughtUp: boolean;
  /** The topic's id when the reading began: another one means that it was made anew. */
  id: string | undefined;
}

/**
 * Reads one topic without a consumer group: a connection of its own, fetches at an offset, one batch ahead of the caller at most.
 * Outlives the connection. Throws as `EventLog.read` does.
 */
export async function* readKafkaTopic(options: KafkaReaderOptions): AsyncGenerator<readonly LogRecord[]> {
  const { client, topic, signal, created, onInterrupted } = options;
  const backoff = new Backoff({ firstMs: 20, maxMs: 1_000 });
  const position: Position = { next: options.fromOffset, caughtUp: false, id: undefined };
  while (!signal.aborted) {
    let connection: BrokerConnection | undefined;
    const own = options.own.reader();
    const giveUp = (): void => connection?.close();
    try {
      const place = await client.find(topic);
      if (signal.aborted) return;
      if (!place) {
        if (!position.caughtUp) {
          position.caughtUp = true;
          yield [];
        }
        const waited = new AbortController();
        await Promise.race([pause(backoff.next(), AbortSignal.any([signal, waited.signal])), created(topic, waited.signal)]);
        waited.abort();
        continue;
      }
      const at = await startOffset(options, place, position);
      connection = await client.dial(place.leader);
      signal.addEventListener("abort", giveUp);
      if (signal.aborted) return;
      options.onConnected?.();
      for await (const batch of fetches({ topic, connection, own, signal }, at, position)) {
        backoff.reset();
        const wanted = batch.filter(({ offset }) => offset >= position.next);
        const last = wanted.at(-1);
        if (last) position.next = last.offset + 1;
        if (last || batch.length === 0) yield wanted;
        if (signal.aborted) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const failure = toLogError(error, `reading ${topic}`);
      // The beginning of the next round finds out on which side of the log the offset is.
      if (!failure.canRetry && !(failure.code === "out-of-range" && !(error instanceof LogError))) throw failure;
      const delayMs = backoff.next();
      if (failure.canRetry) onInterrupted?.(topic, failure, delayMs);
      await pause(delayMs, signal);
    } finally {
      signal.removeEventListener("abort", giveUp);
      own.close();
      connection?.close();
    }
  }
}

/** Where to fetch from: at the position, or at the head if that is not there yet. */
async function startOffset(options: KafkaReaderOptions, place: TopicPlace, position: Position): Promise<number> {
  const { client, topic, resumableFrom, isCompacted } = options;
  const isResumed = position.id !== undefined;
  if (isResumed && position.id !== place.id) throw new LogError("out-of-range", `topic ${topic} was made anew since the reader began`);
  position.id = place.id;
  const { low, high } = await client.range(topic, place);
  if (position.next > high) {
    if (isResumed) throw new LogError("out-of-range", `topic ${topic} ends at ${high}, the reader has what came before ${position.next}`);
    return high;
  }
  const compacted = await isCompacted(place);
  if (compacted && position.next === 0) return low;
  const held = compacted ? Math.max(low, await resumableFrom(place)) : low;
  if (position.next < held)
    throw new LogError("out-of-range", `${topic} is held from offset ${held} on, the reader is at ${position.next}`);
  return position.next;
}

interface FetchOptions {
  topic: string;
  connection: BrokerConnection;
  own: OwnReader;
  signal: AbortSignal;
}

/**
 * Batches as they come; an empty one, once, when the head is first reached. From then on what this process itself appends comes with the
 * broker's acknowledgement: while it is on its way nothing is fetched, unless something else turns out to be in the log before it.
 */
async function* fetches(
  { topic, connection, own, signal }: FetchOptions,
  from: number,
  position: Position,
): AsyncGenerator<readonly LogRecord[]> {
  let at = from;
  let roomy = false;
  let isSmall = false;
  const turns = new Pace(followerPace);
  const ask = () => {
    const asking = fetchInTurn();
    asking.catch(() => undefined);
    return asking;
  };
  const fetchInTurn = async () => {
    // Whoever waits for records of its own here is not held up.
    if (isSmall && own.isIdle) await turns.turn(signal);
    return fetchOnce(topic, connection, { at, waitMs: position.caughtUp ? longPollMs : 0, bytes: roomy ? roomyBytes : batchBytes });
  };
  const mustAsk = () => !position.caughtUp || !own.mayBeNext;
  let asked: ReturnType<typeof ask> | undefined = ask();
  while (!signal.aborted) {
    const mine = position.caughtUp ? own.take(at) : [];
    if (mine.length > 0) {
      at = mine.at(-1)!.offset + 1;
      yield mine;
      continue;
    }
    if (!asked && mustAsk()) asked = ask();
    const fetched = await (asked ? (position.caughtUp ? Promise.race([asked, own.changed()]) : asked) : ownOrLate(own, signal));
    if (fetched === "late") asked ??= ask();
    if (fetched === undefined || fetched === "late") continue;
    const { highWatermark } = fetched;
    const records = fetched.records.filter(({ offset }) => offset >= at);
    const last = records.at(-1);
    // Nothing where there should be something: all that is left of it are batches that compaction has emptied.
    const isEmptied = fetched.records.length === 0 && at < highWatermark;
    if (last) at = last.offset + 1;
    else if (isEmptied && roomy) at = highWatermark;
    roomy = isEmptied && !roomy;
    const reachedHead = at >= highWatermark && !position.caughtUp;
    if (reachedHead) position.caughtUp = true;
    isSmall = last !== undefined && records.length < largeBatch;
    // The next one is under way while the caller works on this one.
    asked = mustAsk() ? ask() : undefined;
    if (last) yield records;
    if (reachedHead) yield [];
  }
}

/** How long records of this process are waited for before others are looked for all the same. */
const ownLimitMs = 50;

async function ownOrLate(own: OwnReader, signal: AbortSignal): Promise<"late" | undefined> {
  const waited = new AbortController();
  try {
    const late = pause(ownLimitMs, AbortSignal.any([signal, waited.signal])).then(() => "late" as const);
    return await Promise.race([late, own.changed()]);
  } finally {
    waited.abort();
  }
}

async function fetchOnce(
  topic: string,
  connection: BrokerConnection,
  { at, waitMs, bytes }: { at: number; waitMs: number; bytes: number },
) {
  const request = fetchRequest.protocol({ version: 11 })({
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes: bytes,
    rackId: "",
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: at, maxBytes: bytes }] }],
  });
  const timer = setTimeout(() => connection.close(), waitMs + answerSlackMs);
  try {
    const { responses } = await connection.send(request);
    const { highWatermark, messages } = responses[0]!.partitions[0]!;
    const records: LogRecord[] = [];
    for (const message of messages) {
      const record = message.isControlRecord ? undefined : toRecord(message);
      if (record && record.offset >= at) records.push(record);
    }
    return { records, highWatermark: Number(highWatermark) };
  } finally {
    clearTimeout(timer);
  }
}

const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

function toRecord({ offset, timestamp, key, value, headers }: FetchedRecord): LogRecord {
  const named = Object.entries(headers);
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: key === null ? null : key.toString("utf8"),
    value,
    headers:
      named.length === 0
        ? noHeaders
        : Object.fromEntries(named.map(([name, text]) => [name, String(Array.isArray(text) ? text.at(-1) : (text ?? ""))])),
  };
}

/** The newest record, or undefined if the topic is empty or compaction has removed its tombstone. */
export async function readLastRecord(client: KafkaClient, topic: string, place: TopicPlace): Promise<LogRecord | undefined> {
  const { low, high } = await client.range(topic, place);
  if (high === low) return undefined;
  const connection = await client.dial(place.leader);
  try {
    const { records } = await fetchOnce(topic, connection, { at: high - 1, waitMs: 0, bytes: 1 });
    return records.at(-1);
  } catch (error) {
    throw toLogError(error, `reading the end of ${topic}`);
  } finally {
    connection.close();
  }
}
