import { Backoff, LogError, type MirrorLog, mirrorTopic, pause, topics } from "@atoll/event-log";
import { appendSnapshot, readNewestSnapshot } from "@atoll/replica";
import { ForeignSourceError } from "./foreign-source-error.ts";
import { withParts } from "./with-parts.ts";

export interface ConfigMirrorOptions {
  upstream: MirrorLog;
  local: MirrorLog;
  signal: AbortSignal;
  /** Start from upstream's snapshot when it saves at least so many records. Default 1,000. */
  snapshotLeadRecords?: number;
  onCaughtUp?: () => void;
  /** Called with undefined when the trouble is over. */
  onTrouble?: (error: Error | undefined) => void;
}

/** Keeps `atoll.config` in the local log at upstream's offsets until the signal aborts; outlives any loss of upstream. */
export async function mirrorConfig(options: ConfigMirrorOptions): Promise<void> {
  const { upstream, local, signal, onCaughtUp, onTrouble } = options;
  const backoff = new Backoff({ firstMs: 50, maxMs: 30_000 });
  const source = refusingForeign(upstream, local, onTrouble);
  while (!signal.aborted) {
    try {
      await startFromSnapshot(options, source);
      await mirrorTopic({
        topic: topics.config,
        from: source,
        to: local,
        signal,
        onCaughtUp: () => {
          backoff.reset();
          onCaughtUp?.();
        },
        onInterrupted: (error) => onTrouble?.(error),
      });
    } catch (error) {
      if (signal.aborted) return;
      onTrouble?.(error as Error);
      if (error instanceof LogError && error.code === "closed") return;
      await pause(backoff.next(), signal);
    }
  }
}

/** A cold copy, or one that upstream has left behind, begins at upstream's newest snapshot instead of its first record. */
async function startFromSnapshot(options: ConfigMirrorOptions, source: MirrorLog): Promise<void> {
  const { local, signal, snapshotLeadRecords = 1_000 } = options;
  const [from, to] = [await source.describe(topics.config), await local.describe(topics.config)];
  const isCold = to.head === 0 && from.head >= snapshotLeadRecords;
  const isLeftBehind = to.head < from.tail;
  if (!isCold && !isLeftBehind) return;
  const snapshot = await readNewestSnapshot(source, signal);
  if (!snapshot || snapshot.capture.revision < Math.max(from.tail, to.head + 1)) {
    if (isLeftBehind) throw new Error(`upstream's log begins after revision ${from.tail} and it has no snapshot that reaches it`);
    return;
  }
  if (isCold && !isLeftBehind && snapshot.capture.revision < snapshotLeadRecords) return;
  await local.ensureTopic({ name: topics.config, cleanup: "keep" });
  await local.ensureTopic({ name: topics.configSnapshots, cleanup: "compact" });
  await appendSnapshot(local, snapshot.capture, await readNewestSnapshot(local, signal));
  // The local readers are told that what they follow is gone, find the snapshot, and go on from it.
  const tail = snapshot.capture.revision;
  await local.appendMirror(topics.config, [], { incarnation: from.incarnation, replacement: { first: true, last: true, tail } });
}

/** Upstream, but with a check at each beginning that it is still the log the copy was made from. */
function refusingForeign(upstream: MirrorLog, local: MirrorLog, onTrouble: ConfigMirrorOptions["onTrouble"]): MirrorLog {
  return withParts(upstream, {
    describe: async (topic) => {
      const [from, to] = [await upstream.describe(topic), await local.describe(topic)];
      if (topic === topics.config && from.incarnation !== "" && to.head > 0) {
        if (from.incarnation !== to.incarnation) {
          throw new ForeignSourceError(
            "upstream's configuration log is another one than this zone's copy was made from; nothing is taken over",
          );
        }
        if (to.head > from.head) {
          throw new ForeignSourceError(
            `upstream's configuration log ends at revision ${from.head}, this zone's copy at ${to.head}; nothing is taken over`,
          );
        }
      }
      onTrouble?.(undefined);
      return from;
    },
  });
}
