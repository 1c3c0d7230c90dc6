import { Backoff, type EventLog, LogError, type LogRecord, pause } from "@atoll/event-log";

/** Runs `attempt` again after each "unavailable" until it succeeds; other errors, and the abort, reject. */
export async function retryUntilAvailable<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const backoff = new Backoff({ firstMs: 20, maxMs: 2_000 });
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LogError) || !error.canRetry) throw error;
      await pause(backoff.next(), signal);
    }
  }
}

/** The records from `fromOffset` to the head as it is when the reader first reaches it. */
export async function* readToHead(
  log: EventLog,
  topic: string,
  fromOffset: number,
  signal?: AbortSignal,
): AsyncGenerator<readonly LogRecord[]> {
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  try {
    for await (const batch of log.read(topic, fromOffset, both)) {
      if (batch.length === 0) return;
      yield batch;
    }
    signal?.throwIfAborted();
  } finally {
    stop.abort();
  }
}

export interface FollowOptions {
  log: EventLog;
  topic: string;
  /** Asked at every (re)start of the reading. */
  position: () => number | Promise<number>;
  /** Returning false starts the reading again at `position()`. An empty batch = caught up with the head. */
  onBatch: (batch: readonly LogRecord[]) => void | boolean | Promise<void | boolean>;
  /** The topic no longer holds what comes next. After this resolves, reading goes on at `position()`; without it, that is an error. */
  onOutOfRange?: () => Promise<void>;
  signal: AbortSignal;
  onError?: ((error: unknown) => void) | undefined;
}

/** Follows a topic until the signal aborts or the log is closed; after any other failure it starts again where `position` says. */
export async function followTopic(options: FollowOptions): Promise<void> {
  const { log, topic, position, onBatch, onOutOfRange, signal, onError } = options;
  const backoff = new Backoff({ firstMs: 20, maxMs: 2_000 });
  while (!signal.aborted) {
    const restart = new AbortController();
    let restarting = false;
    try {
      for await (const batch of log.read(topic, await position(), AbortSignal.any([signal, restart.signal]))) {
        if (signal.aborted) return;
        restarting = (await onBatch(batch)) === false;
        if (restarting) break;
        backoff.reset();
      }
      if (restarting) continue;
    } catch (error) {
      if (signal.aborted) return;
      try {
        if (!onOutOfRange || !(error instanceof LogError) || error.code !== "out-of-range") throw error;
        await onOutOfRange();
        continue;
      } catch (failure) {
        onError?.(failure);
        if (failure instanceof LogError && failure.code === "closed") return;
      }
    } finally {
      restart.abort();
    }
    await pause(backoff.next(), signal);
  }
}

/** `ensureTopic` where allowed: a reader behind a relay may not create topics, their owner does. */
export async function ensureTopicIfAllowed(log: EventLog, name: string, cleanup: "keep" | "compact"): Promise<void> {
  try {
    await log.ensureTopic({ name, cleanup });
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== "forbidden") throw error;
  }
}
