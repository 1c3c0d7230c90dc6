import type { MirrorLog } from "@atoll/event-log";
import { WriterFence } from "@atoll/replica";
import { withParts } from "./with-parts.ts";

/** The log without what deposed writers have added; to be read from the beginning. */
export function believed(log: MirrorLog): MirrorLog {
  return withParts(log, {
    read: async function* (topic, fromOffset, signal) {
      const fence = new WriterFence();
      for await (const batch of log.read(topic, fromOffset, signal)) {
        const admitted = batch.filter((record) => fence.admits(record));
        if (admitted.length > 0 || batch.length === 0) yield admitted;
      }
    },
  });
}
