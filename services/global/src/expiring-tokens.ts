import type { EventLog } from "@atoll/event-log";
import { decodeJson, ensureTopicIfAllowed, followTopic, type ConfigReplica } from "@atoll/replica";
import { Gauge, type Diagnostics, type Logger } from "@atoll/runtime";
import type { KeyRing } from "@atoll/secret";
import { ExpiryWatch, ledgerTopic, resourceRevocations, scopeOfIssued, type IssuedToken } from "@atoll/token";
import { runLater } from "./run-later.ts";

interface ExpiringTokensOptions {
  eventLog: EventLog;
  config: ConfigReplica;
  ring: KeyRing;
  diagnostics: Diagnostics;
  log: Logger;
}

/** Follows the ledger, and says which tokens come near their end without one that follows: a line of the log for each, and a metric. */
export async function openExpiringTokens({
  eventLog,
  config,
  ring,
  diagnostics,
  log,
}: ExpiringTokensOptions): Promise<{ close(): Promise<void> }> {
  const revocations = resourceRevocations(config, ring);
  const watch = new ExpiryWatch({
    isRevoked: (token) => revocations.isRevoked(scopeOfIssued(token), token.jti),
    clock: Date.now,
    later: runLater,
    onExpiring: ({ jti, kind, mesh, subject, expiresAt }) =>
      log.warn({ jti, kind, mesh, subject, expiresAt }, "a token expires soon, and none that is good for longer was issued for its holder"),
  });
  new Gauge({
    name: "atoll_tokens_expiring",
    help: "Tokens in the last fifth of their life, at most a week before its end, whose holder was given none that is good for longer",
    labelNames: ["kind"],
    registers: [diagnostics.registry],
    collect() {
      const expiring = watch.expiring();
      for (const kind of ["dataplane", "zone", "user"]) this.set({ kind }, expiring.filter((token) => token.kind === kind).length);
    },
  });
  const unwatch = config.watch(({ keys }) => {
    if (keys.some((key) => key.includes("token-revocations"))) watch.revocationsChanged();
  });
  await ensureTopicIfAllowed(eventLog, ledgerTopic, "compact");
  const stop = new AbortController();
  let next = 0;
  const followed = followTopic({
    log: eventLog,
    topic: ledgerTopic,
    position: () => next,
    onBatch: (batch) => {
      if (batch.length === 0) return;
      watch.add(batch.flatMap(({ value }) => (value ? [decodeJson(value) as IssuedToken] : [])));
      next = batch.at(-1)!.offset + 1;
    },
    signal: stop.signal,
    onError: (error) => log.warn({ err: error }, "the ledger of tokens cannot be followed"),
  });
  return {
    close: async () => {
      stop.abort();
      unwatch();
      watch.close();
      await followed;
    },
  };
}
