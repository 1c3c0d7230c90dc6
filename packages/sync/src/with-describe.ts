import type { MirrorLog, TopicDescription } from "@atoll/event-log";

/** The same log with another `describe`: every (re)start of a mirror begins with it, so that is where to look at its source. */
export function withDescribe(log: MirrorLog, describe: (topic: string) => Promise<TopicDescription>): MirrorLog {
  return {
    describe,
    ensureTopic: (topic) => log.ensureTopic(topic),
    append: (topic, records, options) => log.append(topic, records, options),
    appendMirror: (topic, records, options) => log.appendMirror(topic, records, options),
    read: (topic, fromOffset, signal) => log.read(topic, fromOffset, signal),
    head: (topic) => log.head(topic),
    tail: (topic) => log.tail(topic),
    close: async () => {},
  };
}
