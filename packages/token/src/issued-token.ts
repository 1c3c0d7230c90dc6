import type { TokenKind } from "./claims.ts";
import { dataplaneScope, userScope, zoneScope, type KeyScope } from "./key-name.ts";

/** One issued token, without the token: enough to find it by its owner and to revoke it by its id. */
export interface IssuedToken {
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

/** Topic of the ledger in global's log: a record for each token, keyed by its id, so that compaction removes none. */
export const ledgerTopic = "atoll.tokens";

/** Whose key signed it, and where it is revoked. */
export const scopeOfIssued = ({ kind, mesh = "" }: IssuedToken): KeyScope =>
  kind === "dataplane" ? dataplaneScope(mesh) : kind === "zone" ? zoneScope : userScope;
