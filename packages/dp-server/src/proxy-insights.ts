import { randomUUID } from "node:crypto";
import type { Clock, Log, ZoneStore } from "./ports.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { ProxyName } from "@atoll/resource";
import { insightKey } from "./proxy-records.ts";
import { Gathered } from "./gathered.ts";
import {
  SubscriptionCounts,
  withSubscription,
  type InsightSpec,
  type ResponseCounts,
  type SubscriptionInsight,
} from "./subscription-insight.ts";

export interface ProxyInsightsOptions {
  store: ZoneStore;
  instanceId: string;
  /** Counters are written at most this often. */
  flushMs: number;
  /** How many subscriptions an insight keeps; 2 unless set. */
  keptSubscriptions?: number;
  clock: Clock;
  log: Log;
}

interface Observed {
  node: ProxyName & { nodeId: string };
  subscription: Omit<SubscriptionInsight, "status">;
  readonly counts: SubscriptionCounts;
  mTLS: InsightSpec["mTLS"];
  /** Not before is anything of it written: until then the proxy is online to nobody. */
  published: boolean;
}

/** A log that does not take a record is tried again after this long. */
const retryMs = 5_000;

/**
 * Writes what is observed of this replica's proxies into the zone's log. Nobody waits for it: a proxy is served while the log takes
 * no records, and its insight follows when it does.
 */
export class ProxyInsights {
  readonly #options: ProxyInsightsOptions;
  readonly #connected = new Map<string, Observed>();
  /** Proxies whose end could not be written yet. */
  readonly #ended = new Map<string, Observed>();
  /** What was written last and cannot be read yet, so that the next write builds on it. */
  readonly #inFlight = new Map<string, InsightSpec>();
  /** Whose counters are to be written, and who is to be tried again. */
  readonly #due: Gathered<Observed>;
  readonly #again: Gathered<Observed>;
  #closed = false;

  constructor(options: ProxyInsightsOptions) {
    this.#options = options;
    const write = (observed: Observed) => void this.#write(observed);
    this.#due = new Gathered(options.flushMs, write);
    this.#again = new Gathered(retryMs, write);
  }

  /** Observes a proxy whose stream has begun. */
  begin(node: ProxyNode): void {
    const { clock, instanceId } = this.#options;
    this.#dismiss(this.#ended, node.nodeId);
    this.#dismiss(this.#connected, node.nodeId);
    const observed: Observed = {
      node: { nodeId: node.nodeId, proxyType: node.proxyType, mesh: node.mesh, name: node.name },
      subscription: {
        ...{ id: randomUUID(), controlPlaneInstanceId: instanceId, connectTime: clock.now().toISOString() },
        ...(node.version !== undefined && { version: node.version }),
      },
      counts: new SubscriptionCounts(),
      mTLS: this.#stored(node)?.mTLS,
      published: false,
    };
    this.#connected.set(node.nodeId, observed);
  }

  /** Tells the zone that the proxy is online. */
  publish(nodeId: string): void {
    const observed = this.#connected.get(nodeId);
    if (observed === undefined || observed.published) return;
    observed.published = true;
    void this.#write(observed);
  }

  /** The proxy is online no more, or is about to leave. Resolves when the zone knows, or when the log does not take it now. */
  async end(nodeId: string): Promise<void> {
    const observed = this.#connected.get(nodeId);
    if (observed === undefined) return;
    this.#dismiss(this.#connected, nodeId);
    if (!observed.published) return;
    observed.subscription = { ...observed.subscription, disconnectTime: this.#options.clock.now().toISOString() };
    this.#ended.set(nodeId, observed);
    await this.#write(observed);
  }

  count(nodeId: string, typeUrl: string, what: keyof ResponseCounts): void {
    const observed = this.#connected.get(nodeId);
    if (observed === undefined) return;
    observed.counts.count(typeUrl, what, this.#options.clock.now());
    this.#writeSoon(observed);
  }

  /** Records which certificate a dataplane was given. */
  certificate(nodeId: string, issued: { expires: Date; backend: string; supportedBackends: string[] }): void {
    const observed = this.#connected.get(nodeId);
    // Insights of zone proxies have no place for it: theirs are many, one for each mesh.
    if (observed === undefined || observed.node.proxyType !== "dataplane") return;
    observed.mTLS = {
      certificateExpirationTime: issued.expires.toISOString(),
      lastCertificateRegeneration: this.#options.clock.now().toISOString(),
      certificateRegenerations: (observed.mTLS?.certificateRegenerations ?? 0) + 1,
      issuedBackend: issued.backend,
      supportedBackends: issued.supportedBackends,
    };
    this.#writeSoon(observed);
  }

  /**
   * Somebody else wrote or removed the insight of a connected proxy. A replica that it has left may have done so without having seen
   * this stream's record. One that it has gone to has seen it, and is right.
   */
  reassert(nodeId: string): void {
    const observed = this.#connected.get(nodeId);
    if (observed === undefined || !observed.published || this.#inFlight.has(nodeId)) return;
    const { id, connectTime } = observed.subscription;
    const present = this.#stored(observed.node)?.subscriptions ?? [];
    if (!present.some((one) => one.id === id || one.connectTime > connectTime)) void this.#write(observed);
  }

  /** Writes no more. What is connected stays so in the log: it is about to connect elsewhere, or here again. */
  close(): void {
    this.#closed = true;
    this.#due.close();
    this.#again.close();
  }

  #dismiss(from: Map<string, Observed>, nodeId: string): void {
    const observed = from.get(nodeId);
    if (observed !== undefined) this.#forget(observed);
    from.delete(nodeId);
  }

  #writeSoon(observed: Observed): void {
    if (observed.published) this.#due.add(observed);
  }

  #forget(observed: Observed): void {
    this.#due.delete(observed);
    this.#again.delete(observed);
  }

  #write(observed: Observed): Promise<void> {
    this.#forget(observed);
    return this.#put(observed).then(
      () => {
        const { nodeId } = observed.node;
        if (this.#ended.get(nodeId) === observed) this.#ended.delete(nodeId);
        // Another replica's record may have come right behind.
        this.reassert(nodeId);
      },
      (error: unknown) => {
        if (this.#closed || !this.#isWanted(observed)) return;
        this.#options.log.warn({ err: error, proxy: observed.node.nodeId }, "cannot record the state of a proxy; trying again");
        this.#again.add(observed);
      },
    );
  }

  async #put(observed: Observed): Promise<void> {
    if (this.#closed || !this.#isWanted(observed)) return;
    const { nodeId } = observed.node;
    const present = this.#inFlight.get(nodeId) ?? this.#stored(observed.node) ?? {};
    const spec = withSubscription(
      { ...present, ...(observed.mTLS && { mTLS: observed.mTLS }) },
      subscription(observed),
      this.#options.keptSubscriptions,
    );
    this.#inFlight.set(nodeId, spec);
    try {
      await this.#options.store.put({ ...insightKey(observed.node), spec }, { durable: false });
    } finally {
      if (this.#inFlight.get(nodeId) === spec) this.#inFlight.delete(nodeId);
    }
  }

  #stored(proxy: ProxyName): InsightSpec | undefined {
    const { type, mesh, name } = insightKey(proxy);
    return this.#options.store.get<InsightSpec>(type, mesh, name)?.spec;
  }

  #isWanted(observed: Observed): boolean {
    const { nodeId } = observed.node;
    return this.#connected.get(nodeId) === observed || this.#ended.get(nodeId) === observed;
  }
}

/** As it is recorded: what it is, its counters, what it runs. */
function subscription({ subscription: { version, ...rest }, counts }: Observed): SubscriptionInsight {
  return { ...rest, status: counts.status(), ...(version !== undefined && { version }) };
}
