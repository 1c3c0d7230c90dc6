import type { KnownForms } from "../src/known-forms.ts";
import { nonceOf } from "../src/push.ts";
import type { Push, WithheldParts } from "../src/push.ts";
import { references } from "../src/references.ts";
import { Session } from "../src/session.ts";
import type { SessionEvent } from "../src/session.ts";
import type { Snapshot } from "../src/index.ts";
import type { Protocol } from "../src/type-state.ts";
import { CDS, LDS } from "./fixtures.ts";

const short = (typeUrl: string): string => typeUrl.slice(typeUrl.lastIndexOf(".") + 1);

/** Drives a session without a network. What the session says is kept, in the order it said it, as short lines. */
export class ModelClient {
  readonly session: Session;
  readonly unanswered: Push[] = [];
  applied = 0;
  /** How often the session said that the client has all it can use. */
  served = 0;
  readonly withheld: WithheldParts[] = [];
  #lines: string[] = [];
  readonly #names = new Map<string, Set<string>>();

  constructor(protocol: Protocol, forms?: KnownForms, piece?: number) {
    this.session = new Session(protocol, forms, piece);
  }

  /** Lines since the last call. */
  lines(): string[] {
    return this.#lines.splice(0);
  }

  offer(snapshot: Snapshot): this {
    return this.#take(this.session.offer(snapshot));
  }

  /** Asks for more of a type; with no names for all of it. */
  subscribe(typeUrl: string, ...names: string[]): this {
    const known = this.#names.get(typeUrl) ?? new Set();
    for (const name of names) known.add(name);
    this.#names.set(typeUrl, known);
    return this.#request(typeUrl, "", { subscribe: names });
  }

  unsubscribe(typeUrl: string, ...names: string[]): this {
    for (const name of names) this.#names.get(typeUrl)?.delete(name);
    return this.#request(typeUrl, "", { unsubscribe: names });
  }

  ack(): this {
    return this.#respond(undefined);
  }

  nack(message: string): this {
    return this.#respond(message);
  }

  /** Asks for what clusters and listeners name, then answers with ACK, in Envoy's order, until the session is quiet. */
  settle(): this {
    for (let answers = 0; this.unanswered.length > 0; answers += 1) {
      if (answers > 1000) throw new Error(`the session does not come to rest:\n${this.#lines.slice(-20).join("\n")}`);
      this.answer();
    }
    return this;
  }

  /** The same for the oldest unanswered push. */
  answer(): this {
    const push = this.unanswered[0];
    if (push === undefined) throw new Error("nothing to answer");
    if (push.typeUrl === CDS || push.typeUrl === LDS) {
      for (const { typeUrl, name } of push.resources.flatMap(references)) {
        if (!this.#names.get(typeUrl)?.has(name)) this.subscribe(typeUrl, name);
      }
    }
    this.#lines.push(`client ack ${short(push.typeUrl)}`);
    return this.ack();
  }

  raw(typeUrl: string, nonce: string, names: string[], version = ""): this {
    return this.#take(this.session.request({ typeUrl, nonce, sotw: { names, version } }));
  }

  recall(typeUrl: string, subscribe: string[], initialVersions: Record<string, string>): this {
    return this.#take(this.session.request({ typeUrl, nonce: "", delta: { subscribe, unsubscribe: [], initialVersions } }));
  }

  release(): this {
    return this.#take(this.session.release(this.session.mark()));
  }

  #respond(error: string | undefined): this {
    const push = this.unanswered.shift();
    if (push === undefined) throw new Error("nothing to answer");
    this.#nonces.set(push.typeUrl, nonceOf(push));
    return this.#request(push.typeUrl, nonceOf(push), {}, error);
  }

  #request(typeUrl: string, nonce: string, change: { subscribe?: string[]; unsubscribe?: string[] }, error?: string): this {
    if (this.session.protocol === "delta") {
      const delta = { subscribe: change.subscribe ?? [], unsubscribe: change.unsubscribe ?? [], initialVersions: {} };
      return this.#take(this.session.request({ typeUrl, nonce, error, delta }));
    }
    const last = nonce || this.#lastNonce(typeUrl);
    return this.#take(
      this.session.request({ typeUrl, nonce: last, error, sotw: { names: [...(this.#names.get(typeUrl) ?? [])], version: "" } }),
    );
  }

  /** The last nonce that was answered: a push that still waits has not been looked at. */
  readonly #nonces = new Map<string, string>();

  #lastNonce(typeUrl: string): string {
    return this.#nonces.get(typeUrl) ?? "";
  }

  #take(events: readonly SessionEvent[]): this {
    for (const event of events) {
      switch (event.kind) {
        case "push": {
          this.unanswered.push(event.push);
          const names = event.push.resources.map(({ name }) => name);
          this.#lines.push([`push ${short(event.push.typeUrl)}`, ...names, ...event.push.removals.map((name) => `-${name}`)].join(" "));
          break;
        }
        case "nack":
          this.#lines.push(["nack", short(event.typeUrl), ...event.rejected.map(({ name }) => name)].join(" "));
          break;
        case "applied":
          this.applied = event.revision;
          this.#lines.push(`applied ${event.revision}`);
          break;
        case "withheld":
          this.withheld.push(event.withheld);
          break;
        case "served":
          this.served++;
          break;
        case "ack":
          break;
      }
    }
    return this;
  }
}
