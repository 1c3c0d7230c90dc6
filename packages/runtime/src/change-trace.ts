import { SpanKind, SpanStatusCode, trace, type Context, type Span } from "@opentelemetry/api";

/** Where the fold of a change stands in its trace. */
export interface FoldedChange {
  revision: number;
  /** Whether any value is another than before: only then something is built. */
  changed: boolean;
  trace: Context | undefined;
}

interface Delivery {
  span: Span;
  context: Context;
  /** Sent and not answered, by type. */
  pushes: Map<string, Span>;
}

interface Change {
  revision: number;
  /** Until everything that it affects is built. */
  build: Span | undefined;
  context: Context;
  deliveries: Map<string, Delivery>;
}

const tracer = trace.getTracer("atoll");
const now = (): number => performance.timeOrigin + performance.now();
const shortType = (typeUrl: string): string => typeUrl.slice(typeUrl.lastIndexOf(".") + 1);

/** So many changes are followed at once, each to so many proxies: the others are not told apart from these. */
const mostChanges = 64;
const mostProxies = 50;

/**
 * Goes on with the traces of changes from the fold to Envoy's ACK: a span until everything is built, in it one for each proxy that gets something,
 * and in that one for each response until it is answered. Without traced changes it does nothing.
 */
export class ChangeTrace {
  #changes: Change[] = [];
  readonly #applied = new Map<string, number>();

  folded(records: readonly FoldedChange[]): void {
    for (const { revision, changed, trace: folded } of records) {
      if (!changed || folded === undefined) continue;
      const build = tracer.startSpan("build", { startTime: now(), attributes: { "atoll.revision": revision } }, folded);
      this.#changes.push({ revision, build, context: trace.setSpan(folded, build), deliveries: new Map() });
    }
    while (this.#changes.length > mostChanges) this.#drop(this.#changes.shift()!);
  }

  /** Everything up to this revision is built. */
  built(round: { revision: number; built: number; changed: number; durationMs: number }): void {
    for (const change of this.#changes) {
      if (change.build === undefined || change.revision > round.revision) continue;
      change.build.setAttributes({
        "atoll.proxies.built": round.built,
        "atoll.proxies.changed": round.changed,
        "atoll.building_ms": round.durationMs,
      });
      change.build.end(now());
      change.build = undefined;
    }
  }

  /** `acknowledged` is the revision that the proxy has all of: changes up to it did not concern it, or are done. */
  sent({ nodeId, typeUrl, revision, resources, removals, acknowledged }: Message & Sent): void {
    const applied = this.#applied.get(nodeId);
    if (applied !== undefined) this.#applied.set(nodeId, Math.max(applied, acknowledged));
    for (const { delivery } of this.#concerned(nodeId, revision, true)) {
      const attributes = { "atoll.resources": resources, "atoll.removals": removals, "atoll.revision": revision };
      const startTime = now();
      const push = tracer.startSpan(`push ${shortType(typeUrl)}`, { kind: SpanKind.CLIENT, startTime, attributes }, delivery.context);
      delivery.pushes.get(typeUrl)?.end(startTime);
      delivery.pushes.set(typeUrl, push);
    }
  }

  /** Envoy has acknowledged a response, or refused it with a message. */
  answered({ nodeId, typeUrl, revision, message }: Message & { message?: string }): void {
    for (const { delivery } of this.#concerned(nodeId, revision, false)) {
      const push = delivery.pushes.get(typeUrl);
      if (push === undefined) continue;
      delivery.pushes.delete(typeUrl);
      push.setAttribute("atoll.answer", message === undefined ? "ACK" : "NACK");
      if (message !== undefined) push.setStatus({ code: SpanStatusCode.ERROR, message });
      push.end(now());
    }
  }

  /** The proxy has everything of this revision. */
  applied(nodeId: string, revision: number): void {
    for (const { change, delivery } of this.#concerned(nodeId, revision, false)) this.#end(change, nodeId, delivery);
    this.#applied.set(nodeId, revision);
  }

  disconnected(nodeId: string): void {
    this.#applied.delete(nodeId);
    for (const change of this.#changes) {
      const delivery = change.deliveries.get(nodeId);
      if (delivery) this.#end(change, nodeId, delivery, "the proxy went away");
    }
  }

  /** Changes up to a revision that the proxy has not had all of. With `begin`, those it had nothing of yet are begun. */
  *#concerned(nodeId: string, revision: number, begin: boolean): Generator<{ change: Change; delivery: Delivery }> {
    const applied = this.#applied.get(nodeId);
    // What a proxy gets when it first connects is no delivery of a change.
    if (applied === undefined) return;
    for (const change of this.#changes) {
      if (change.revision > revision || change.revision <= applied) continue;
      const delivery = change.deliveries.get(nodeId) ?? (begin ? this.#begin(change, nodeId) : undefined);
      if (delivery) yield { change, delivery };
    }
  }

  #begin(change: Change, nodeId: string): Delivery | undefined {
    if (change.deliveries.size >= mostProxies) return undefined;
    const attributes = { "atoll.proxy": nodeId, "atoll.revision": change.revision };
    const span = tracer.startSpan("deliver", { startTime: now(), attributes }, change.context);
    const delivery = { span, context: trace.setSpan(change.context, span), pushes: new Map<string, Span>() };
    change.deliveries.set(nodeId, delivery);
    return delivery;
  }

  #end(change: Change, nodeId: string, delivery: Delivery, failure?: string): void {
    change.deliveries.delete(nodeId);
    const at = now();
    for (const push of delivery.pushes.values()) push.end(at);
    if (failure !== undefined) delivery.span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    delivery.span.end(at);
  }

  #drop(change: Change): void {
    change.build?.end(now());
    for (const [nodeId, delivery] of change.deliveries) this.#end(change, nodeId, delivery, "no longer followed");
  }
}

interface Sent {
  resources: number;
  removals: number;
  acknowledged: number;
}

interface Message {
  nodeId: string;
  typeUrl: string;
  revision: number;
}
