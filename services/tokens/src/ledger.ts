import { topicConfig, type EventLog } from "@atoll/event-log";
import type { TokenKind } from "@atoll/token";

/** One issued token, without the token: enough to find it by its owner and to revoke it by its id. */
export interface LedgerEntry {
  jti: string;
  kind: TokenKind;
  /** Name of the dataplane, zone or user; "" = any. */
  subject: string;
  /** Dataplane tokens only. */
  mesh?: string;
  kid: string;
  author: string;
  /** RFC 3339. */
  issuedAt: string;
  expiresAt: string;
}

export interface Ledger {
  /** Resolves when the entry is durable. */
  append(entry: LedgerEntry): Promise<void>;
}

export const ledgerTopic = "atoll.tokens";

/** Keeps the ledger in a topic of its own: a record for each token, keyed by its id, so compaction removes none. */
export async function openLedger(log: EventLog): Promise<Ledger> {
  await log.ensureTopic(topicConfig(ledgerTopic));
  return {
    async append(entry) {
      await log.append(ledgerTopic, [{ key: entry.jti, value: Buffer.from(JSON.stringify(entry)) }]);
    },
  };
}
