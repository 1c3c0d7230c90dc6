import { Backoff } from "./backoff.ts";
import { LogError } from "./event-log.ts";
import type { EventLog, LogRecord, MirrorLog } from "./event-log.ts";
import { pause } from "./pause.ts";

type Arrival = { source: number; batch: readonly LogRecord[] } | { source: number; ended: unknown };

/**
 * Reads one topic that several logs hold at the same offsets, as a log and its mirrors do, from all of them at once: each record comes
 * from whichever has it first. Only for a topic that is kept, whose offsets have no gaps. Goes on as long as one of them does; throws the
 * failure of the last one.
 */
export async function* readFirstOf(
  logs: readonly Pick<EventLog, "read">[],
  topic: string,
  fromOffset: number,
  signal: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const arrivals: Arrival[] = [];
  let wake = (): void => {};
  const arrived = (arrival: Arrival): Promise<void> => {
    arrivals.push(arrival);
    wake();
    // The next batch is asked for when the reader has come to this one: nothing piles up.
    return new Promise((resolve) => (arrivals.length > 2 * logs.length ? taken.push(resolve) : resolve()));
  };
  const taken: (() => void)[] = [];
  const follow = async (log: Pick<EventLog, "read">, source: number): Promise<void> => {
    let failure: unknown;
    try {
      for await (const batch of log.read(topic, fromOffset, stop)) await arrived({ source, batch });
    } catch (error) {
      failure = error;
    }
    if (!stop.aborted) await arrived({ source, ended: failure ?? new LogError("closed", "the log is closed") });
  };
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort);
  try {
    for (const [source, log] of logs.entries()) void follow(log, source);
    let running = logs.length;
    let next = fromOffset;
    let caughtUp = false;
    while (!signal.aborted) {
      const arrival = arrivals.shift();
      if (!arrival) {
        for (const resolve of taken.splice(0)) resolve();
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (arrivals.length > 0 || signal.aborted) resolve();
        });
        continue;
      }
      if ("ended" in arrival) {
        running -= 1;
        if (running === 0) throw arrival.ended;
        continue;
      }
      if (arrival.batch.length === 0) {
        if (!caughtUp) yield [];
        caughtUp = true;
        continue;
      }
      const fresh = arrival.batch.filter(({ offset }) => offset >= next);
      if (fresh.length === 0) continue;
      next = fresh.at(-1)!.offset + 1;
      yield fresh;
    }
  } finally {
    done.abort();
    for (const resolve of taken.splice(0)) resolve();
    signal.removeEventListener("abort", onAbort);
  }
}

export interface DirectReadOptions {
  /** A mirror of `direct`, at the same offsets. All but reads of the topic goes there. */
  log: MirrorLog;
  direct: MirrorLog;
  topic: string;
  /** `direct` holds another topic of that name than the one that was mirrored: it is not read. */
  onForeign: (error: Error) => void;
}

/** A mirror whose one topic is read from its source, too, and so without the way through the mirror; with either of them away it goes on. */
export function withDirectRead({ log, direct, topic, onForeign }: DirectReadOptions): EventLog {
  const guarded: Pick<EventLog, "read"> = {
    read: async function* (name, fromOffset, signal) {
      const backoff = new Backoff({ firstMs: 50, maxMs: 5_000 });
      for (;;) {
        try {
          const [mirror, source] = await Promise.all([log.describe(name), direct.describe(name)]);
          if (mirror.incarnation === source.incarnation) break;
          const error = new LogError("topic-mismatch", `${name} is another one there than the one that was mirrored`);
          onForeign(error);
          throw error;
        } catch (error) {
          if (signal.aborted || !(error instanceof LogError) || !error.canRetry) throw error;
          await pause(backoff.next(), signal);
        }
      }
      yield* direct.read(name, fromOffset, signal);
    },
  };
  return {
    read: (name, fromOffset, signal) =>
      name === topic ? readFirstOf([guarded, log], name, fromOffset, signal) : log.read(name, fromOffset, signal),
    ensureTopic: (config) => log.ensureTopic(config),
    append: (name, records, options) => log.append(name, records, options),
    head: (name) => log.head(name),
    tail: (name) => log.tail(name),
    close: async () => {},
  };
}
