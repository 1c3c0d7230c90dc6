import { randomUUID } from "node:crypto";
import { LogError, type LogRecord, type MirrorLog, mirrorTopic, pause } from "@atoll/event-log";
import { readToHead } from "@atoll/replica";
import { believed } from "./believed.ts";

export interface TakeOverOptions {
  topics: readonly string[];
  local: MirrorLog;
  upstream: MirrorLog;
  signal: AbortSignal;
}

/**
 * Makes the local copy of the zone's own topics what the zone goes on with under a new writer. A copy that has all that the former writer
 * had sent upstream stays, with what upstream has yet to get; any other becomes what upstream has. Either way it is another log from
 * here on, under a name of its own: who followed the former writer's reads it anew. Resolves with upstream's heads as they were; rejects
 * if `signal` aborts first.
 */
export async function takeOver({ topics, local, upstream, signal }: TakeOverOptions): Promise<Map<string, number>> {
  const heads = new Map<string, number>();
  for (const topic of topics) {
    for (;;) {
      signal.throwIfAborted();
      try {
        const [there, here] = await Promise.all([upstream.describe(topic), local.describe(topic)]);
        heads.set(topic, there.head);
        const isNewest = here.incarnation === there.copy.incarnation && here.head >= there.copy.head;
        if (there.head > 0 && !isNewest) await replaceByUpstream(topic, local, upstream, signal);
        if (here.head > 0 || there.head > 0) await rename(topic, local, here.head);
        break;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof LogError) || !error.canRetry) throw error;
        await pause(200, signal);
      }
    }
  }
  return heads;
}

async function replaceByUpstream(topic: string, local: MirrorLog, upstream: MirrorLog, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  let failure: LogError | undefined;
  await mirrorTopic({
    topic,
    from: believed(upstream),
    to: local,
    signal: AbortSignal.any([signal, done.signal]),
    replaceBecause: "another instance has written since",
    onCaughtUp: () => done.abort(),
    onInterrupted: (error) => {
      failure = error;
      done.abort();
    },
  });
  if (failure) throw failure;
}

/** At offsets beyond all that this log had before, so that whoever has read up to some offset here has read what came before it. */
async function rename(topic: string, local: MirrorLog, headBefore: number): Promise<void> {
  const tail = Math.max(headBefore, await local.head(topic));
  const content: LogRecord[] = [];
  for await (const batch of readToHead(local, topic, 0))
    for (const record of batch) content.push({ ...record, offset: tail + content.length });
  await local.appendMirror(topic, content, { incarnation: randomUUID(), replacement: { first: true, last: true, tail } });
}
