export { ledgerTopic, openLedger, type Ledger, type LedgerEntry } from "./ledger.ts";
export { createTokensServer, startTokens, type TokensAddress, type TokensPorts } from "./tokens-service.ts";
