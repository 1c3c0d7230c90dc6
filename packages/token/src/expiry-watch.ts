import type { IssuedToken } from "./issued-token.ts";

export interface ExpiryWatchOptions {
  isRevoked: (token: IssuedToken) => boolean;
  /** Milliseconds since the epoch. */
  clock: () => number;
  /** Runs once, after so many milliseconds or earlier; answers how to call it off. */
  later: (ms: number, run: () => void) => () => void;
  /** A token has come near its end, and whom it is for has no other that is good for longer. Once for each token. */
  onExpiring: (token: IssuedToken) => void;
}

const weekMs = 7 * 24 * 3_600_000;

/** The last fifth of a token's life, at most a week. */
export const warnsFromMs = ({ issuedAt, expiresAt }: IssuedToken): number => {
  const [from, to] = [Date.parse(issuedAt), Date.parse(expiresAt)];
  return to - Math.min(weekMs, (to - from) / 5);
};

/** Notices which tokens come near their end without one that follows: by one timer, for the next of them. */
export class ExpiryWatch {
  readonly #options: ExpiryWatchOptions;
  readonly #held = new Map<string, readonly IssuedToken[]>();
  readonly #told = new Set<string>();
  #callOff: (() => void) | undefined;

  constructor(options: ExpiryWatchOptions) {
    this.#options = options;
  }

  /** Issued just now, or long ago. */
  add(tokens: readonly IssuedToken[]): void {
    const nowMs = this.#options.clock();
    for (const token of tokens) {
      const holder = JSON.stringify([token.kind, token.mesh ?? "", token.subject]);
      const present = (this.#held.get(holder) ?? []).filter(({ expiresAt }) => Date.parse(expiresAt) > nowMs);
      this.#held.set(holder, [...present, token]);
    }
    this.#look();
  }

  /** Those that are near their end now, good and without one that follows. */
  expiring(): IssuedToken[] {
    const nowMs = this.#options.clock();
    return this.#last().filter((token) => warnsFromMs(token) <= nowMs && nowMs < Date.parse(token.expiresAt));
  }

  /** Of each holder the token that is good for longest. */
  #last(): IssuedToken[] {
    return [...this.#held.values()].flatMap((tokens) => {
      const good = tokens.filter((token) => !this.#options.isRevoked(token));
      return good.toSorted((a, b) => Date.parse(b.expiresAt) - Date.parse(a.expiresAt)).slice(0, 1);
    });
  }

  /** Others are revoked than before: who had a good one for longer may have none any more. */
  revocationsChanged(): void {
    this.#look();
  }

  close(): void {
    this.#callOff?.();
  }

  #look(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    for (const token of this.expiring()) {
      if (this.#told.has(token.jti)) continue;
      this.#told.add(token.jti);
      this.#options.onExpiring(token);
    }
    const nowMs = this.#options.clock();
    const next = Math.min(
      ...this.#last()
        .map(warnsFromMs)
        .filter((ms) => ms > nowMs),
    );
    if (next !== Infinity) this.#callOff = this.#options.later(next - nowMs, () => this.#look());
  }
}
