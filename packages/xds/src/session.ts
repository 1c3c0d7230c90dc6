import { typeUrls } from "@atoll/envoy-api";
import { KnownForms } from "./known-forms.ts";
import { nonceOf } from "./push.ts";
import type { Push, Rejected, WithheldParts } from "./push.ts";
import { references } from "./references.ts";
import type { EncodedResource, Snapshot } from "./snapshot.ts";
import { changeDelta, changeSotw, equalSubscriptions, wants } from "./subscription.ts";
import { usualPiece } from "./pieces.ts";
import { TypeState } from "./type-state.ts";
import type { Protocol, TypeView } from "./type-state.ts";
import { compareForRemoval, compareForUpdate, updateRule } from "./update-order.ts";

/** What both protocols say in a request. */
export interface SessionRequest {
  readonly typeUrl: string;
  readonly nonce: string;
  /** The client refuses the response of this nonce. */
  readonly error?: string | undefined;
  readonly delta?: {
    readonly subscribe: readonly string[];
    readonly unsubscribe: readonly string[];
    readonly initialVersions: Readonly<Record<string, string>>;
  };
  readonly sotw?: { readonly names: readonly string[]; readonly version: string };
}

export type SessionEvent =
  | { readonly kind: "push"; readonly push: Push }
  | { readonly kind: "ack"; readonly typeUrl: string; readonly revision: number; readonly resources: number }
  | {
      readonly kind: "nack";
      readonly typeUrl: string;
      readonly revision: number;
      readonly rejected: readonly Rejected[];
      readonly message: string;
    }
  /** Found by trials: what of a resource the client refuses. It has the rest, or is about to. */
  | { readonly kind: "withheld"; readonly typeUrl: string; readonly revision: number; readonly withheld: WithheldParts }
  | { readonly kind: "applied"; readonly revision: number }
  /** For the first time the client has all that it can use: it has answered everything, and what it refused is withheld. */
  | { readonly kind: "served" };

/** A moment of a session. */
export interface Mark {
  readonly sequence: number;
  readonly generation: number;
}

const none: ReadonlyMap<string, EncodedResource> = new Map();
const refreshed: readonly string[] = [typeUrls.endpoint, typeUrls.route];

/**
 * One client on one stream, as a state machine: a request or a snapshot goes in, what to send and what became known comes out.
 * At most one response per type is unanswered; what changes meanwhile is folded into the next one.
 */
export class Session {
  readonly protocol: Protocol;
  readonly types = new Map<string, TypeState>();
  /** The same in the order of updates, and in that of removals. */
  #forUpdate: TypeState[] = [];
  #forRemoval: TypeState[] = [];
  /** The highest revision whose resources the client has acknowledged, in all types it needs; 0 if none yet. */
  applied = 0;
  readonly #forms: KnownForms;
  #snapshot: Snapshot | undefined;
  #generation = 0;
  #sequence = 0;
  #waiting = false;
  #served = false;
  /** The newest generation whose order is given up, and the newest for which unanswered responses were looked through. */
  #released = 0;
  #overtaken = 0;
  /** The last nonce of each type; the state of the world ignores requests that answer an older one. */
  readonly #nonces = new Map<string, string>();
  /** Whether names may have come up that the client will ask for next. Undefined = to be looked at again. */
  #awaitsNames: boolean | undefined;

  readonly #piece: number;

  /** `forms`: what the sessions of one server know of their clients. `piece`: resources of one response at most, where the protocol has parts. */
  constructor(protocol: Protocol, forms = new KnownForms(), piece = usualPiece) {
    this.protocol = protocol;
    this.#forms = forms;
    this.#piece = piece;
  }

  /** A newer snapshot of the client's node. */
  offer(snapshot: Snapshot): SessionEvent[] {
    this.#snapshot = snapshot;
    this.#generation += 1;
    return this.#advance();
  }

  /** Whether something is held back until the client has answered what it was sent before. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** The present, for `release`. */
  mark(): Mark {
    return { sequence: this.#sequence, generation: this.#generation };
  }

  /** Whether everything that was sent by the mark has been answered. */
  hasAnswered({ sequence }: Mark): boolean {
    return [...this.types.values()].every(({ inFlight }) => inFlight === undefined || inFlight.sequence > sequence);
  }

  /** Sends what has been held back since the mark: the client takes too long to answer, as when a cluster cannot warm. */
  release(mark: Mark): SessionEvent[] {
    if (this.#snapshot === undefined) return [];
    this.#released = mark.generation;
    const types = [...this.types.values()];
    if (types.every(({ inFlight }) => inFlight === undefined || inFlight.sequence <= mark.sequence)) this.#overtaken = this.#generation;
    for (const type of types) type.overtake(this.#view(type, this.#snapshot), mark.sequence);
    return this.#advance();
  }

  request(request: SessionRequest): SessionEvent[] {
    const events: SessionEvent[] = [];
    let type = this.types.get(request.typeUrl);
    const first = type === undefined;
    if (type === undefined) {
      type = new TypeState(request.typeUrl, this.protocol, this.#forms, this.#piece);
      this.types.set(request.typeUrl, type);
      this.#forUpdate = [...this.#forUpdate, type].sort((a, b) => compareForUpdate(a.typeUrl, b.typeUrl));
      this.#forRemoval = [...this.#forRemoval, type].sort((a, b) => compareForRemoval(a.typeUrl, b.typeUrl));
    } else {
      const push = type.unanswered(request.nonce);
      if (push) {
        events.push(this.#answer(type, push, request.error));
        for (const withheld of type.takeFound())
          events.push({ kind: "withheld", typeUrl: push.typeUrl, revision: push.revision, withheld });
      } else if (request.sotw && this.#stale(type, request.nonce)) return events;
    }
    this.#subscribe(type, request, first);
    events.push(...this.#advance());
    return events;
  }

  #stale(type: TypeState, nonce: string): boolean {
    return nonce !== (this.#nonces.get(type.typeUrl) ?? nonce);
  }

  #subscribe(type: TypeState, { delta, sotw }: SessionRequest, first: boolean): void {
    const { wholeState } = updateRule(type.typeUrl);
    if (delta && (first || delta.subscribe.length > 0 || delta.unsubscribe.length > 0)) {
      if (first) type.recall(Object.entries(delta.initialVersions));
      type.subscribe(changeDelta(type.subscription, delta, wholeState));
      this.#awaitsNames = undefined;
    }
    if (sotw) {
      // A cluster may be warming since the stream before, so endpoints are always sent again.
      if (first && type.typeUrl !== typeUrls.endpoint) type.recallWhole(sotw.version);
      const { subscription } = changeSotw(type.subscription, sotw.names, wholeState);
      if (type.subscription && equalSubscriptions(type.subscription, subscription)) return;
      type.subscribe({ subscription, owed: [] });
      this.#awaitsNames = undefined;
    }
  }

  #answer(type: TypeState, push: Push, error: string | undefined): SessionEvent {
    const { typeUrl, revision } = push;
    // While it waits for nothing, only what it takes now can name something.
    if (error !== undefined || this.#awaitsNames !== false || this.#namesUnknown(push.upserts.values())) this.#awaitsNames = undefined;
    if (error !== undefined) return { kind: "nack", typeUrl, revision, rejected: type.reject(push, error), message: error };
    type.acknowledge(push);
    return { kind: "ack", typeUrl, revision, resources: push.upserts.size };
  }

  /**
   * A cluster that is replaced warms until it sees its endpoints again, and does not ask for them; so with the routes of a
   * listener. Envoy acknowledges clusters only when they are warm, so this must not wait for that.
   */
  #resendDependants(push: Push): void {
    for (const resource of push.upserts.values()) {
      for (const { typeUrl, name } of references(resource)) {
        if (refreshed.includes(typeUrl)) this.types.get(typeUrl)?.resend(name);
      }
    }
  }

  #advance(): SessionEvent[] {
    if (this.#snapshot === undefined) return [];
    const events: SessionEvent[] = [];
    const types = this.#forUpdate;
    for (const type of types) {
      const view = this.#view(type, this.#snapshot);
      if (type.refresh(view)) this.#awaitsNames = undefined;
      if (!type.hasUpserts() || !this.#mayUpsert(type)) continue;
      const push = type.pushUpserts(view, ++this.#sequence);
      events.push(this.#sent(push));
      this.#resendDependants(push);
    }
    const removable = (generation: number): boolean => generation <= this.#released || types.every((type) => type.answered >= generation);
    for (const type of this.#forRemoval) {
      const removals = type.removable(removable);
      if (removals.length === 0) continue;
      events.push(this.#sent(type.pushRemovals(this.#view(type, this.#snapshot), ++this.#sequence, removals)));
    }
    this.#waiting = types.some((type) => type.hasUpserts() || type.hasRemovals() || type.isPartial || this.#mayBeOutdated(type));
    const applied = this.#appliedRevision(this.#snapshot);
    if (applied !== undefined && applied !== this.applied) {
      this.applied = applied;
      events.push({ kind: "applied", revision: applied });
    }
    if (!this.#served && this.#hasAll(this.#snapshot)) {
      this.#served = true;
      events.push({ kind: "served" });
    }
    return events;
  }

  #view(type: TypeState, snapshot: Snapshot): TypeView {
    return { resources: snapshot.resources.get(type.typeUrl) ?? none, generation: this.#generation, revision: snapshot.revision };
  }

  #sent(push: Push): SessionEvent {
    this.#nonces.set(push.typeUrl, nonceOf(push));
    return { kind: "push", push };
  }

  #mayUpsert(type: TypeState): boolean {
    const { after } = updateRule(type.typeUrl);
    if (after.some((typeUrl) => this.types.get(typeUrl)?.isPartial)) return false;
    const since = type.dirtySince ?? this.#generation;
    if (since <= this.#released) return true;
    return after.every((typeUrl) => (this.types.get(typeUrl)?.answered ?? since) >= since);
  }

  #mayBeOutdated({ inFlight }: TypeState): boolean {
    return inFlight !== undefined && inFlight.generation < this.#generation && this.#overtaken < this.#generation;
  }

  /** The revision that all types have settled at, unless the client has yet to ask for something that belongs to it. */
  #appliedRevision(snapshot: Snapshot): number | undefined {
    let oldest: TypeState["settled"];
    for (const { settled } of this.types.values()) {
      if (settled === undefined) return undefined;
      if (oldest === undefined || settled.generation < oldest.generation) oldest = settled;
    }
    return this.#mayAskForMore(snapshot) ? undefined : oldest?.revision;
  }

  #hasAll(snapshot: Snapshot): boolean {
    const types = this.#forUpdate;
    if (types.length === 0 || types.some((type) => type.inFlight !== undefined || type.hasUpserts())) return false;
    return !this.#mayAskForMore(snapshot);
  }

  /** Whether there is something that the client has not asked for, and will. */
  #mayAskForMore(snapshot: Snapshot): boolean {
    for (const typeUrl of [typeUrls.cluster, typeUrls.listener]) {
      if (!this.types.has(typeUrl) && snapshot.resources.get(typeUrl)?.size) return true;
    }
    return (this.#awaitsNames ??= this.#findAwaitedName());
  }

  #findAwaitedName(): boolean {
    for (const typeUrl of [typeUrls.cluster, typeUrls.listener]) {
      const held = [...(this.types.get(typeUrl)?.held.values() ?? [])];
      if (this.#namesUnknown(held.filter(({ bytes }) => bytes !== undefined) as EncodedResource[])) return true;
    }
    return false;
  }

  /** Whether they name something that the client has not asked for. */
  #namesUnknown(resources: Iterable<EncodedResource>): boolean {
    for (const resource of resources) {
      for (const { typeUrl, name } of references(resource)) {
        const subscription = this.types.get(typeUrl)?.subscription;
        if (!subscription || !wants(subscription, name)) return true;
      }
    }
    return false;
  }
}
