import { topicConfig, type EventLog } from "@atoll/event-log";
import { type IssuedToken, ledgerTopic } from "@atoll/token";

export interface Ledger {
  /** Resolves when the entry is durable. */
  append(entry: IssuedToken): Promise<void>;
}

/** Keeps the ledger in a topic of its own: a record for each token, keyed by its id, so compaction removes none. */
export async function openLedger(log: EventLog): Promise<Ledger> {
  await log.ensureTopic(topicConfig(ledgerTopic));
  return {
    async append(entry) {
      await log.append(ledgerTopic, [{ key: entry.jti, value: Buffer.from(JSON.stringify(entry)) }]);
    },
  };
}
