import { createHash } from "node:crypto";
import { RpcRefusal } from "@atoll/event-log";
import type { Authorize, Authorized } from "@atoll/event-log";
import { status } from "@grpc/grpc-js";
import type { Metadata } from "@grpc/grpc-js";
import type { KdsIdentity } from "./identity.ts";

export type TokenVerdict =
  | { zone: string; expiresAtMs?: number }
  /** `canRetry`: the verifier could not tell (it has not its keys yet). */
  | { error: string; canRetry?: boolean };

/** Verifies a zone token and its "cp" scope. */
export type VerifyZone = (token: string) => Promise<TokenVerdict>;

export interface GatekeeperOptions {
  verify: VerifyZone;
  /** Recognises the bearer of internal services by the whole `authorization` value. */
  isInternal?: (authorization: string) => boolean;
  /** Set where one zone is served: the tokens of others are refused. */
  onlyZone?: string;
}

interface Admission {
  identity: KdsIdentity;
  token: string;
  revocation: AbortController;
  expiry?: NodeJS.Timeout;
}

const longestTimerMs = 2 ** 31 - 1;
const fingerprint = (token: string): string => createHash("sha256").update(token).digest("base64");

/**
 * Decides who a caller is. A token is verified once and remembered until it expires or `recheck` refuses it; that also ends the streams
 * it opened, with the reason.
 */
export class Gatekeeper {
  private readonly options: GatekeeperOptions;
  private readonly admitted = new Map<string, Admission>();

  constructor(options: GatekeeperOptions) {
    this.options = options;
  }

  /** Throws `RpcRefusal`: UNAUTHENTICATED, PERMISSION_DENIED, or UNAVAILABLE if it can't be told now. */
  readonly authorize: Authorize<KdsIdentity> = async (metadata: Metadata): Promise<Authorized<KdsIdentity>> => {
    const [authorization] = metadata.get("authorization");
    if (typeof authorization !== "string") throw new RpcRefusal(status.UNAUTHENTICATED, "no token: send one as authorization: Bearer");
    if (this.options.isInternal?.(authorization)) return { identity: { type: "internal" } };
    const token = /^Bearer (\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw new RpcRefusal(status.UNAUTHENTICATED, "the authorization is not of the form: Bearer <token>");
    const known = this.admitted.get(fingerprint(token));
    if (known) return { identity: known.identity, revoked: known.revocation.signal };
    return this.admit(token);
  };

  /** To be called when keys or revocations changed: callers whose token is no longer good are sent away. */
  async recheck(): Promise<void> {
    await Promise.all([...this.admitted.values()].map((admission) => this.reconsider(admission)));
  }

  close(): void {
    for (const admission of this.admitted.values()) clearTimeout(admission.expiry);
    this.admitted.clear();
  }

  private async admit(token: string): Promise<Authorized<KdsIdentity>> {
    const { zone, expiresAtMs } = await this.judge(token);
    const key = fingerprint(token);
    // Two calls with a new token may both come here; one admission stands.
    let admission = this.admitted.get(key);
    if (!admission) {
      admission = { identity: { type: "zone", zone }, token, revocation: new AbortController() };
      this.admitted.set(key, admission);
      this.expireAt(admission, expiresAtMs);
    }
    return { identity: admission.identity, revoked: admission.revocation.signal };
  }

  private async judge(token: string): Promise<{ zone: string; expiresAtMs?: number }> {
    let verdict: TokenVerdict;
    try {
      verdict = await this.options.verify(token);
    } catch (error) {
      throw new RpcRefusal(status.UNAVAILABLE, `the token cannot be verified now: ${(error as Error).message}`);
    }
    if ("error" in verdict) throw new RpcRefusal(verdict.canRetry ? status.UNAVAILABLE : status.UNAUTHENTICATED, verdict.error);
    if (verdict.zone === "")
      throw new RpcRefusal(status.PERMISSION_DENIED, "the token names no zone: a zone's services need a token of their zone");
    const { onlyZone } = this.options;
    if (onlyZone !== undefined && verdict.zone !== onlyZone) {
      throw new RpcRefusal(status.PERMISSION_DENIED, `the token is for zone "${verdict.zone}", this is zone "${onlyZone}"`);
    }
    return verdict;
  }

  private async reconsider(admission: Admission): Promise<void> {
    try {
      const { expiresAtMs } = await this.judge(admission.token);
      this.expireAt(admission, expiresAtMs);
    } catch (error) {
      // Not being able to tell is no reason to cut a connection that was good.
      if (error instanceof RpcRefusal && error.code === status.UNAVAILABLE) return;
      clearTimeout(admission.expiry);
      this.admitted.delete(fingerprint(admission.token));
      admission.revocation.abort(error);
    }
  }

  private expireAt(admission: Admission, expiresAtMs: number | undefined): void {
    clearTimeout(admission.expiry);
    if (expiresAtMs === undefined) return;
    const delayMs = Math.min(Math.max(expiresAtMs - Date.now(), 0) + 1, longestTimerMs);
    admission.expiry = setTimeout(() => void this.reconsider(admission), delayMs);
    admission.expiry.unref();
  }
}
