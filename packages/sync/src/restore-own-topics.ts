import { type MirrorLog, mirrorTopic } from "@atoll/event-log";
import { believed } from "./believed.ts";

export interface RestoreOptions {
  topics: readonly string[];
  local: MirrorLog;
  upstream: MirrorLog;
  timeoutMs: number;
  signal: AbortSignal;
  onError: (error: unknown) => void;
}

/**
 * A zone that lost its disk takes its own records back from upstream before it writes any, so that an empty log does not replace a full
 * one. Does nothing for topics that are there, and gives up after `timeoutMs` if upstream does not answer. Answers whether any was missing.
 */
export async function restoreOwnTopics({ topics, local, upstream, timeoutMs, signal, onError }: RestoreOptions): Promise<boolean> {
  const missing: string[] = [];
  for (const topic of topics) if ((await local.describe(topic)).head === 0) missing.push(topic);
  const timeout = AbortSignal.timeout(timeoutMs);
  await Promise.all(
    missing.map(async (topic) => {
      const done = new AbortController();
      const until = AbortSignal.any([signal, timeout, done.signal]);
      const aborted = new Promise<undefined>((resolve) => until.addEventListener("abort", () => resolve(undefined), { once: true }));
      try {
        const found = await Promise.race([upstream.describe(topic), aborted]);
        if (found === undefined || found.head === 0) return;
        const stop = (): void => done.abort();
        await mirrorTopic({ topic, from: believed(upstream), to: local, signal: until, onCaughtUp: stop, onInterrupted: stop });
      } catch (error) {
        onError(new Error(`${topic} could not be taken back from upstream`, { cause: error }));
      } finally {
        done.abort();
      }
    }),
  );
  return missing.length > 0;
}
