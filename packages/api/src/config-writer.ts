import type { Change } from "@atoll/replica";
import { type KeyString, type ResourceKey, keyOfChange, keyString, parseKeyString, rolloutType } from "@atoll/resource";
import { progressText, rolloutOf } from "@atoll/rollout";
import { KeyQueue } from "./key-queue.ts";
import type { ConfigStore } from "./ports.ts";
import { ApiError, conflict } from "./problem.ts";
import { spanned } from "./spanned.ts";

/** What a request wants to write, decided against the state the writer saw. */
export interface Proposal<Result> {
  changes: readonly Change[];
  /** Keys beyond those of `changes` that the decision relied on. */
  reliedOn?: readonly ResourceKey[];
  result: Result;
}

/** Material that takes time to make (a key pair); `decide` is asked again when it is there. */
export interface Preparation {
  prepare: () => Promise<void>;
}

/** A condition the client set on one key: its revision, `null` = absent, "any" = present. */
export interface Condition {
  key: ResourceKey;
  revision: number | null | "any";
}

export interface WriteOptions {
  /** What the request is about. */
  keys: readonly ResourceKey[];
  author: string;
  reason?: string;
  conditions?: readonly Condition[];
  /** The roll-out whose step this is: it may write what it holds. */
  rollout?: string;
}

export interface Written<Result> {
  revision: number;
  changed: readonly KeyString[];
  result: Result;
}

/** As many writers in other processes as may meet on one key; each round, one of them wins. */
const mostAttempts = 64;

/**
 * Writes to the configuration without locks. Every attempt decides anew on the current state and lets the log check, with `expect`,
 * that nothing it touched or relied on has changed; a lost race is tried again unless the client made it a condition. A refusal is decided
 * on a state that is no older than the request: another process may have written what this one has yet to fold.
 */
export class ConfigWriter {
  readonly #config: ConfigStore;
  readonly #now: () => number;
  readonly #newId: () => string;
  readonly #queue = new KeyQueue();

  constructor(options: { config: ConfigStore; now: () => number; newId: () => string }) {
    this.#config = options.config;
    this.#now = options.now;
    this.#newId = options.newId;
  }

  /**
   * `decide` throws `ApiError` to refuse. It is synchronous, so that what it read is what `expect` says; it runs once per attempt,
   * and again after each preparation it asks for.
   */
  write<Result>(decide: () => Proposal<Result> | Preparation, options: WriteOptions): Promise<Written<Result>> {
    // Writers of one key in this process wait for each other: racing, each round would append a record per writer for one to win.
    return this.#queue.run(options.keys, () => this.#write(decide, options));
  }

  /** What a write would propose now; nothing is written. Refuses as `write`. */
  async preview<Result>(decide: () => Proposal<Result> | Preparation, conditions: readonly Condition[] = []): Promise<Proposal<Result>> {
    for (;;) {
      for (const condition of conditions) this.#check(condition);
      const decided = decide();
      if (!("prepare" in decided)) {
        this.refuseHeld(decided.changes);
        return decided;
      }
      await decided.prepare();
    }
  }

  /** What a roll-out under way changes is nobody else's to write. @throws ApiError */
  refuseHeld(changes: readonly Change[], own?: string): void {
    if (this.#config.list(rolloutType).length === 0) return;
    for (const key of changes.map(keyOf)) {
      const rollout = rolloutOf(key, this.#config);
      if (!rollout || rollout.name === own) continue;
      const { name, spec } = rollout;
      throw conflict(`${key} is changed by the roll-out ${JSON.stringify(name)} (${progressText(spec)}): continue or abort it first`);
    }
  }

  async #write<Result>(decide: () => Proposal<Result> | Preparation, options: WriteOptions): Promise<Written<Result>> {
    let isCurrent = false;
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      let decided: Proposal<Result> | Preparation;
      try {
        for (const condition of options.conditions ?? []) this.#check(condition);
        decided = spanned("decide", decide);
        if (!("prepare" in decided)) this.refuseHeld(decided.changes, options.rollout);
      } catch (error) {
        if (isCurrent || !(error instanceof ApiError)) throw error;
        await this.#config.reachHead();
        isCurrent = true;
        continue;
      }
      if ("prepare" in decided) {
        await decided.prepare();
        continue;
      }
      const { changes, reliedOn = [], result } = decided;
      const keys = new Set([
        ...changes.map(keyOf),
        ...reliedOn.map(keyString),
        ...(options.conditions ?? []).map(({ key }) => keyString(key)),
      ]);
      const verdict = await this.#config.submit({
        id: this.#newId(),
        at: new Date(this.#now()).toISOString(),
        author: options.author,
        ...(options.reason !== undefined && { reason: options.reason }),
        changes: [...changes],
        expect: [...keys].map((key) => ({ key, revision: this.#revisionOf(key) })),
      });
      isCurrent = true;
      if (verdict.accepted) return { revision: verdict.revision, changed: verdict.changed, result };
    }
    throw conflict("the resource is being changed by too many writers at once");
  }

  #revisionOf(key: KeyString): number | null {
    const { type, mesh, name } = parseKeyString(key);
    return this.#config.get(type, mesh, name)?.revision ?? null;
  }

  #check({ key, revision }: Condition): void {
    const actual = this.#revisionOf(keyString(key));
    const met = revision === "any" ? actual !== null : actual === revision;
    if (met) return;
    const what = `${key.type} ${JSON.stringify(key.name)}${key.mesh === "" ? "" : ` of mesh ${JSON.stringify(key.mesh)}`}`;
    if (actual === null) throw conflict(`${what} does not exist`);
    throw conflict(revision === null ? `${what} exists, at revision ${actual}` : `${what} is at revision ${actual}, not ${revision}`);
  }
}

const keyOf = (change: Change): KeyString => keyString(keyOfChange(change));
