import type { MirrorLog } from "@atoll/event-log";

/**
 * The same log with another `describe` or `read`. Every (re)start of a mirror begins with `describe`, so that is where to look at its
 * source.
 */
export function withParts(log: MirrorLog, parts: Partial<Pick<MirrorLog, "describe" | "read">>): MirrorLog {
  return {
    describe: (topic) => log.describe(topic),
    ensureTopic: (topic) => log.ensureTopic(topic),
    append: (topic, records, options) => log.append(topic, records, options),
    appendMirror: (topic, records, options) => log.appendMirror(topic, records, options),
    read: (topic, fromOffset, signal) => log.read(topic, fromOffset, signal),
    head: (topic) => log.head(topic),
    tail: (topic) => log.tail(topic),
    close: async () => {},
    ...parts,
  };
}
