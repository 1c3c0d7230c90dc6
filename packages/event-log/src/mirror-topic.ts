import { Backoff } from "./backoff.ts";
import { LogError, maxAppendBytes, recordBytes, topicConfig } from "./event-log.ts";
import type { LogRecord, MirrorLog } from "./event-log.ts";
import { pause } from "./pause.ts";
import { spanTime, traceRecord } from "./record-trace.ts";

export interface MirrorTopicOptions {
  topic: string;
  from: MirrorLog;
  to: MirrorLog;
  signal: AbortSignal;
  /** The copy has everything the source had when the copying began. Called once. */
  onCaughtUp?: () => void;
  /** Noted on every record: see `MirrorOptions.term`. */
  term?: number;
  /** Why the copy is not to be continued, but replaced as a whole. */
  replaceBecause?: string;
  /** Something failed that is tried again after `delayMs`. */
  onInterrupted?: (error: LogError, delayMs: number) => void;
  /** The copy could not be continued (the source was made anew, or has dropped what is missing) and was replaced as a whole. */
  onReplaced?: (reason: string) => void;
}

/**
 * Keeps a copy of one topic in another log until `signal` aborts: down (global's configuration in a zone) or up (a zone's records in
 * global). Goes on where the copy ends; a copy that has nothing to do with its source any more is replaced at once, never merged.
 * Rejects with `LogError` "forbidden" or "closed"; everything else is tried again.
 */
export async function mirrorTopic(options: MirrorTopicOptions): Promise<void> {
  const { signal } = options;
  const backoff = new Backoff();
  let toldCaughtUp = false;
  const caughtUp = (): void => {
    backoff.reset();
    if (!toldCaughtUp) options.onCaughtUp?.();
    toldCaughtUp = true;
  };
  let { replaceBecause } = options;
  while (!signal.aborted) {
    try {
      await copy(options, replaceBecause, caughtUp);
      replaceBecause = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof LogError) || error.code === "forbidden" || error.code === "closed") throw error;
      if (error.code === "out-of-range" || error.code === "topic-mismatch") replaceBecause = error.message;
      const delayMs = backoff.next();
      options.onInterrupted?.(error, delayMs);
      await pause(delayMs, signal);
    }
  }
}

async function copy(options: MirrorTopicOptions, replaceBecause: string | undefined, caughtUp: () => void): Promise<void> {
  const { topic, from, to, signal, term } = options;
  await to.ensureTopic(topicConfig(topic));
  const [source, { copy: target }] = await Promise.all([from.describe(topic), to.describe(topic)]);
  if (source.incarnation === "") {
    // Nothing to copy, and nothing to delete for that: absence is not deletion.
    for await (const batch of from.read(topic, 0, signal)) {
      if (batch.length > 0) return;
      caughtUp();
    }
    return;
  }
  const { incarnation } = source;
  let because = replaceBecause;
  if (target.head > 0 && target.incarnation !== incarnation) because ??= "the source was made anew";
  if (target.head > source.head) because ??= "the copy is ahead of its source";
  // Where history was cut, the copy begins where the source does.
  if (target.head === 0 && source.tail > 0 && source.cleanup === "keep") because ??= "the source's history begins later";

  const start = because === undefined ? target.head : source.cleanup === "keep" ? source.tail : 0;
  let replacing = because !== undefined;
  let first = true;
  let live = false;
  for await (const batch of from.read(topic, start, signal)) {
    const beganMs = spanTime();
    if (replacing) {
      const last = batch.length === 0;
      await to.appendMirror(topic, batch, { incarnation, term, replacement: { first, last, tail: source.tail } });
      first = false;
      if (!last) continue;
      replacing = false;
      options.onReplaced?.(because ?? "");
    }
    if (batch.length === 0) {
      live = true;
      caughtUp();
    }
    for (const part of parts(batch)) await to.appendMirror(topic, part, { incarnation, term });
    // What is copied to catch up happened at another time.
    if (live) for (const record of batch) traceRecord(`mirror ${topic}`, record, beganMs);
  }
}

/** A batch that was read may be larger than what one append takes. */
function* parts(batch: readonly LogRecord[]): Generator<readonly LogRecord[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, record] of batch.entries()) {
    const size = recordBytes(record);
    if (bytes + size > maxAppendBytes && index > start) {
      yield batch.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (start === 0 && batch.length > 0) yield batch;
  else if (start < batch.length) yield batch.slice(start);
}
