import { randomUUID } from "node:crypto";
import type { KeyRing } from "@atoll/secret";
import {
  dataplaneScope,
  issueToken,
  parseTokenRequest,
  resourceSigningKeys,
  TokenError,
  userScope,
  zoneScope,
  type ClaimsByKind,
  type IssueProblem,
  type KeyScope,
  type ResourceSource,
  type TokenKind,
} from "@atoll/token";
import type { Ledger } from "./ledger.ts";

export interface IssuerPorts {
  /** The folded configuration. */
  resources: ResourceSource;
  /** Must hold the global key. */
  keyRing: KeyRing;
  /** Milliseconds since the epoch. */
  clock: () => number;
  newId?: () => string;
  /** Absent = no ledger is kept. */
  ledger?: Ledger;
}

export type IssueOutcome = { token: string } | { malformed: true } | { problem: IssueProblem };

const scopes: { [K in TokenKind]: (claims: ClaimsByKind[K]) => KeyScope } = {
  dataplane: ({ mesh }) => dataplaneScope(mesh),
  zone: () => zoneScope,
  user: () => userScope,
};
const subjects: { [K in TokenKind]: (claims: ClaimsByKind[K]) => { subject: string; mesh?: string } } = {
  dataplane: ({ name, mesh }) => ({ subject: name, mesh }),
  zone: ({ zone }) => ({ subject: zone }),
  user: ({ name }) => ({ subject: name }),
};

/** Reads a request, signs with the scope's newest key, and enters the token in the ledger before it is handed out. */
export function createIssuer(ports: IssuerPorts) {
  const { resources, keyRing, clock, newId = randomUUID, ledger } = ports;
  const keys = resourceSigningKeys(resources, keyRing);
  /** Rejects on failures that are not the asker's: a key that cannot be opened, a ledger that cannot be written. */
  return async <K extends TokenKind>(kind: K, body: string, author: string): Promise<IssueOutcome> => {
    const parsed = parseTokenRequest(kind, body);
    if (!parsed.ok) {
      if (parsed.malformed) return { malformed: true };
      return { problem: { status: 400, title: "Invalid request", detail: "Resource is not valid", violations: parsed.violations } };
    }
    const { claims, validForMs } = parsed.request;
    let key;
    try {
      key = keys.newest(scopes[kind](claims));
    } catch (error) {
      if (!(error instanceof TokenError) || error.code !== "unknown-key") throw error;
      return { problem: { status: 404, title: "Signing Key not found", detail: error.message } };
    }
    const [jti, nowMs] = [newId(), clock()];
    const token = await issueToken({ kind, claims, key, jti, nowMs, validForMs });
    const [issuedAt, expiresAt] = [nowMs, nowMs + validForMs].map((ms) => new Date(ms).toISOString()) as [string, string];
    await ledger?.append({ jti, kind, ...subjects[kind](claims), kid: key.kid, author, issuedAt, expiresAt });
    return { token };
  };
}
