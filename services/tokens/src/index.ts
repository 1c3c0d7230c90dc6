export { openLedger, type Ledger } from "./ledger.ts";
export { createTokensServer, startTokens, type TokensAddress, type TokensPorts } from "./tokens-service.ts";
export { tokensSettings, type TokensSettings } from "./settings.ts";
export { startTokensProcess } from "./tokens-process.ts";
