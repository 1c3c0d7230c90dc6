import { replacedBy } from "./bound-address.ts";
import { nonceOf } from "./push.ts";
import type { HeldResource, Push, Rejected, WithheldParts } from "./push.ts";
import type { KnownForms } from "./known-forms.ts";
import { OngoingSearch } from "./ongoing-search.ts";
import { nextPiece, pieceRespite } from "./pieces.ts";
import { blamedNames, halves, reasonFor } from "./rejection.ts";
import type { EncodedResource } from "./snapshot.ts";
import { wants } from "./subscription.ts";
import type { Subscription, SubscriptionChange } from "./subscription.ts";
import { updateRule } from "./update-order.ts";
import { wholeVersion } from "./whole-version.ts";

export type Protocol = "delta" | "sotw";

/** How many responses may overtake an unanswered one; a client that answers none of them gets no more. */
const overtakingLimit = 8;

/** One type of the snapshot that a stream is served from. */
export interface TypeView {
  readonly resources: ReadonlyMap<string, EncodedResource>;
  readonly generation: number;
  readonly revision: number;
}

/**
 * One type on one stream: what the client wants, what it has acknowledged, and the one response that it has yet to answer.
 * `refresh` compares with the newest snapshot; `pushUpserts` and `pushRemovals` take what the comparison found.
 */
export class TypeState {
  readonly typeUrl: string;
  readonly protocol: Protocol;
  readonly #piece: number;
  subscription: Subscription | undefined;
  inFlight: Push | undefined;
  /** Responses that a later one has overtaken, oldest first; an incremental client answers them one by one. */
  readonly #overtaken: Push[] = [];
  /** The newest generation whose upserts the client has answered, with ACK or NACK. */
  answered = 0;
  /** The newest generation that the client has acknowledged whole. */
  settled: { readonly generation: number; readonly revision: number } | undefined;
  /** The generation since which there are upserts to send. */
  dirtySince: number | undefined;
  readonly held = new Map<string, HeldResource>();
  /** name -> the version the client refused; it is not sent again. */
  readonly rejected = new Map<string, string>();

  /** What was found out about parts of resources since it was last asked for. */
  readonly #found: WithheldParts[] = [];
  /** name -> which of its parts the client refuses, as far as it is known. */
  readonly #searches = new Map<string, OngoingSearch>();
  readonly #owed = new Set<string>();
  /** name -> the generation that first lacked it. */
  readonly #gone = new Map<string, number>();
  readonly #forms: KnownForms;
  #probes: string[][] = [];
  #upserts = new Map<string, EncodedResource>();
  #absent: string[] = [];
  #answeredOnce = false;
  #claimedVersion: string | undefined;
  #refusedGeneration = 0;
  #epoch = 0;
  #epochInFlight = 0;
  #cleanFor: ReadonlyMap<string, EncodedResource> | undefined;
  /** How often the response under way was left in peace. */
  #spared = 0;

  constructor(typeUrl: string, protocol: Protocol, forms: KnownForms, piece: number) {
    this.typeUrl = typeUrl;
    this.protocol = protocol;
    this.#forms = forms;
    // A part of the state of the world would be the loss of the rest.
    this.#piece = protocol === "delta" ? piece : Infinity;
  }

  /** The client is given this type piece by piece, and has not been given all. */
  get isPartial(): boolean {
    return this.inFlight?.partial === true;
  }

  /** On the first request of a stream: versions that the client kept from an earlier stream. */
  recall(versions: Iterable<readonly [string, string]>): void {
    for (const [name, version] of versions) this.held.set(name, { version });
  }

  /** On the first request of a stream: the type's version that the client kept from an earlier stream. */
  recallWhole(version: string): void {
    if (version !== "") this.#claimedVersion = version;
  }

  subscribe(change: SubscriptionChange): void {
    const first = this.subscription === undefined;
    this.subscription = change.subscription;
    this.#reopen();
    for (const name of change.owed) if (!first || !this.held.has(name)) this.#owed.add(name);
    for (const name of this.held.keys()) if (!wants(change.subscription, name)) this.#forget(name);
    for (const name of this.#owed) if (!wants(change.subscription, name)) this.#owed.delete(name);
  }

  /** Has a resource sent again that the client holds or is about to. */
  resend(name: string): void {
    if (!this.held.has(name) && !this.inFlight?.upserts.has(name)) return;
    this.#owed.add(name);
    this.#reopen();
  }

  /** Compares with the snapshot. Returns whether the client turned out to hold resources of it from an earlier stream. */
  refresh(view: TypeView): boolean {
    if (this.inFlight || this.subscription === undefined) return false;
    if (this.#cleanFor !== view.resources) {
      const adopted = this.#adopt(view, this.subscription);
      this.#compare(view, this.subscription);
      this.#conclude(view);
      return adopted;
    }
    this.#conclude(view);
    return false;
  }

  hasUpserts(): boolean {
    return !this.inFlight && (this.#upserts.size > 0 || this.#absent.length > 0 || this.#mustAnswer());
  }

  pushUpserts(view: TypeView, sequence: number): Push {
    const { upserts, probe, partial } = this.#choose();
    const absent = probe ? [] : this.#absent;
    for (const name of [...upserts.keys(), ...absent]) this.#owed.delete(name);
    const whole = upserts.size === this.#upserts.size && absent.length === this.#absent.length;
    // Where earlier pieces are not answered yet, all are with the last; how the client took them shows then.
    const answers = whole || (!probe && !partial && absent.length === this.#absent.length);
    const replaced = replacedBy(upserts, this.#gone.keys(), this.held);
    return this.#send(view, sequence, {
      upserts,
      removals: [...absent, ...replaced],
      probe,
      partial,
      answers,
      settles: whole && this.#gone.size === replaced.length && !this.#blocked(view),
    });
  }

  /** Names that the newest snapshot lacks, if their turn has come: `ready` tells by the generation that first lacked them. */
  removable(ready: (generation: number) => boolean): string[] {
    return this.inFlight ? [] : [...this.#gone].filter(([, generation]) => ready(generation)).map(([name]) => name);
  }

  /** Whether there are removals to send, now or later. */
  hasRemovals(): boolean {
    return !this.inFlight && this.#gone.size > 0;
  }

  pushRemovals(view: TypeView, sequence: number, removals: readonly string[]): Push {
    const settles = removals.length === this.#gone.size && !this.hasUpserts() && !this.#blocked(view);
    return this.#send(view, sequence, { upserts: new Map(), removals, probe: false, partial: false, answers: false, settles });
  }

  /**
   * Lets newer content overtake a response that has waited too long for its answer; Envoy withholds that of a cluster until the
   * cluster is warm. Does nothing if the response is later than `sequence`, or still says what the snapshot does.
   */
  overtake(view: TypeView, sequence: number): void {
    if (!this.inFlight || this.inFlight.sequence > sequence || this.#overtaken.length === overtakingLimit || !this.#isOutdated(view))
      return;
    if (this.isPartial && ++this.#spared < pieceRespite) return;
    this.#overtaken.push(this.inFlight);
    this.inFlight = undefined;
    this.#cleanFor = undefined;
  }

  /** The unanswered response of this nonce. State of the world knows only the last one. */
  unanswered(nonce: string): Push | undefined {
    if (this.inFlight && nonceOf(this.inFlight) === nonce) return this.inFlight;
    return this.protocol === "delta" ? this.#overtaken.find((push) => nonceOf(push) === nonce) : undefined;
  }

  /** The client accepted a response. */
  acknowledge(push: Push): void {
    const newest = this.#land(push);
    for (const [name, resource] of push.upserts) {
      const search = this.#searches.get(name);
      if (search?.offered?.version === resource.version) this.#forms.remember(resource);
      if (search?.isTrial(resource)) this.#note(name, search, () => search.accepted());
      else if (search === undefined) this.rejected.delete(name);
      if (this.subscription && wants(this.subscription, name)) this.held.set(name, resource);
    }
    for (const name of push.removals) this.#forget(name);
    if (newest && push.probe) this.#probes.shift();
    if (newest && this.#epoch === this.#epochInFlight) {
      if (push.answers) this.answered = Math.max(this.answered, push.generation);
      if (push.settles) this.settled = push;
    }
  }

  /**
   * The client refused a response. The resources that its message blames are withheld; if it blames none, what was sent together is
   * sent again in halves. Every refusal thus withholds something or narrows the search.
   */
  reject(push: Push, message: string): Rejected[] {
    const newest = this.#land(push);
    const sent = [...push.upserts.keys()];
    const blamed = sent.length === 1 ? sent : blamedNames(message, sent);
    const rejected = blamed.map((name): Rejected => {
      const resource = push.upserts.get(name)!;
      return { name, version: resource.version, ...(this.#searches.get(name)?.isTrial(resource) && { trial: true as const }) };
    });
    for (const name of blamed) this.#refuse(push.upserts.get(name)!, reasonFor(message, name, sent));
    if (newest && sent.length === 0) {
      // Nothing to withhold. Asking again would bring the same answer, so the removals count as done, the generation as refused.
      for (const name of push.removals) this.#forget(name);
      this.#refusedGeneration = push.generation;
    } else if (newest && blamed.length === 0) {
      if (push.probe) this.#probes.shift();
      this.#probes.unshift(...halves(sent));
    }
    return rejected;
  }

  /** Parts that the client turned out to refuse, once each. */
  takeFound(): WithheldParts[] {
    return this.#found.splice(0);
  }

  /** A resource is withheld; if it can be divided, what of it the client takes is searched for. */
  #refuse(resource: EncodedResource, reason: string): void {
    const { name } = resource;
    const search = this.#searches.get(name);
    if (search?.isTrial(resource)) {
      this.#note(name, search, () => search.refused(reason));
      return;
    }
    if (search?.offered?.version === resource.version) {
      search.giveUp();
      return;
    }
    this.rejected.set(name, resource.version);
    if (resource.divide === undefined) return;
    const held = this.held.get(name);
    const known = held?.divide === undefined && held !== undefined ? this.#forms.get(name, held.version) : held;
    const started = new OngoingSearch(resource, resource.divide(), known ?? held, reason);
    this.#searches.set(name, started);
    this.#note(name, started, () => {});
  }

  #note(name: string, search: OngoingSearch, step: () => void): void {
    step();
    if (search.isOver) this.#found.push({ name, version: search.version, parts: search.bad });
  }

  /** What was found finished may no longer be: there is more to send of the same snapshot. */
  #reopen(): void {
    this.#epoch += 1;
    this.answered = 0;
    this.settled = undefined;
    this.#cleanFor = undefined;
  }

  /** A response is answered, and so are those before it. Returns whether it was the last. */
  #land(push: Push): boolean {
    const newest = push === this.inFlight;
    if (newest) this.inFlight = undefined;
    this.#overtaken.splice(0, newest ? this.#overtaken.length : this.#overtaken.indexOf(push) + 1);
    this.#cleanFor = undefined;
    return newest;
  }

  #isOutdated(view: TypeView): boolean {
    return [...view.resources].some(([name, { version }]) => {
      if (!this.subscription || !wants(this.subscription, name) || this.rejected.get(name) === version) return false;
      return (this.#sent(name) ?? this.held.get(name))?.version !== version;
    });
  }

  /** As it was last sent in a response that is not answered. */
  #sent(name: string): EncodedResource | undefined {
    return [...this.#overtaken, this.inFlight].findLast((push) => push?.upserts.has(name))?.upserts.get(name);
  }

  #forget(name: string): void {
    this.held.delete(name);
    this.#gone.delete(name);
  }

  #mustAnswer(): boolean {
    return !this.#answeredOnce && this.subscription?.wildcard === true && this.held.size === 0;
  }

  #blocked(view: TypeView): boolean {
    if (this.#refusedGeneration === view.generation) return true;
    for (const [name, version] of this.rejected) {
      if (view.resources.get(name)?.version === version && this.subscription && wants(this.subscription, name)) return true;
    }
    return false;
  }

  /** Takes over what the client held before this stream, where it is what the snapshot has. */
  #adopt(view: TypeView, subscription: Subscription): boolean {
    let adopted = false;
    if (this.#claimedVersion !== undefined) {
      const wanted = [...view.resources].filter(([name]) => wants(subscription, name));
      if (wanted.length > 0 && wholeVersion(wanted) === this.#claimedVersion) {
        for (const [name, resource] of wanted) this.held.set(name, resource);
        adopted = true;
      }
      this.#claimedVersion = undefined;
    }
    for (const [name, held] of this.held) {
      const resource = held.bytes ? undefined : view.resources.get(name);
      if (resource?.version !== held.version) continue;
      this.held.set(name, resource);
      adopted = true;
    }
    return adopted;
  }

  #compare(view: TypeView, subscription: Subscription): void {
    this.#upserts = new Map();
    this.#absent = [];
    for (const [name, resource] of view.resources) {
      if (wants(subscription, name)) this.#compareOne(name, resource);
    }
    if (this.protocol === "delta") this.#absent = [...this.#owed].filter((name) => !view.resources.has(name));
    for (const name of this.held.keys()) {
      if (view.resources.has(name)) this.#gone.delete(name);
      else if (this.#canTellRemoval()) this.#gone.set(name, this.#gone.get(name) ?? view.generation);
      else this.#forget(name);
    }
  }

  #compareOne(name: string, resource: EncodedResource): void {
    const held = this.held.get(name);
    const search = this.#searches.get(name);
    if (search !== undefined && search.version !== resource.version) this.#searches.delete(name);
    else if (search?.offered !== undefined) {
      if (held?.version !== search.offered.version || this.#owed.has(name)) this.#upserts.set(name, search.offered);
      return;
    }
    if (this.rejected.get(name) !== resource.version) {
      if (held?.version !== resource.version || this.#owed.has(name)) this.#upserts.set(name, resource);
      return;
    }
    // Withheld. A client that asks anew gets the version it had accepted.
    if (this.#owed.has(name) && held?.bytes) this.#upserts.set(name, { ...resource, bytes: held.bytes, version: held.version });
    else this.#owed.delete(name);
  }

  /** State of the world can tell a removal only by absence from a whole state. */
  #canTellRemoval(): boolean {
    return this.protocol === "delta" || updateRule(this.typeUrl).wholeState;
  }

  #conclude(view: TypeView): void {
    if (this.hasUpserts()) {
      this.dirtySince ??= view.generation;
      return;
    }
    this.dirtySince = undefined;
    this.answered = view.generation;
    if (this.#gone.size > 0 || this.#blocked(view)) return;
    this.settled = view;
    this.#cleanFor = view.resources;
  }

  #choose(): { upserts: Map<string, EncodedResource>; probe: boolean; partial: boolean } {
    for (; this.#probes.length > 0; this.#probes.shift()) {
      const probed = this.#probes[0]?.flatMap((name) => {
        const resource = this.#upserts.get(name);
        return resource ? [[name, resource] as const] : [];
      });
      if (probed?.length) return { upserts: new Map(probed), probe: true, partial: false };
    }
    return { ...nextPiece(this.#upserts, this.#piece, (name) => this.#sent(name)), probe: false };
  }

  #send(view: TypeView, sequence: number, part: Pick<Push, "upserts" | "removals" | "probe" | "partial" | "answers" | "settles">): Push {
    const { resources, version } =
      this.protocol === "delta" ? { resources: [...part.upserts.values()], version: String(view.revision) } : this.#state(part);
    this.#answeredOnce = true;
    this.#epochInFlight = this.#epoch;
    this.#spared = 0;
    this.dirtySince = undefined;
    this.inFlight = { typeUrl: this.typeUrl, sequence, generation: view.generation, revision: view.revision, resources, version, ...part };
    return this.inFlight;
  }

  /** A state-of-the-world response: all the client will hold, or just what changes where a part is allowed. */
  #state(part: Pick<Push, "upserts" | "removals">): { resources: EncodedResource[]; version: string } {
    const next = new Map(this.held as Map<string, EncodedResource>);
    for (const [name, resource] of part.upserts) next.set(name, resource);
    for (const name of part.removals) next.delete(name);
    const resources = updateRule(this.typeUrl).wholeState ? [...next.values()] : [...part.upserts.values()];
    return { resources, version: wholeVersion(next) };
  }
}
