/** One stream of a proxy, as its insight records it (dataplane.md 1.8). Counters are 64 bit: strings in JSON. */
export interface SubscriptionInsight {
  id: string;
  controlPlaneInstanceId: string;
  connectTime: string;
  disconnectTime?: string;
  generation?: number;
  status: SubscriptionStatus;
  version?: Record<string, unknown>;
}

export interface SubscriptionStatus {
  lastUpdateTime?: string;
  total: ResponseCounts;
  cds: ResponseCounts;
  eds: ResponseCounts;
  lds: ResponseCounts;
  rds: ResponseCounts;
}

export interface ResponseCounts {
  responsesSent?: string;
  responsesAcknowledged?: string;
  responsesRejected?: string;
}

export interface InsightSpec {
  subscriptions?: SubscriptionInsight[];
  mTLS?: {
    certificateExpirationTime: string;
    lastCertificateRegeneration: string;
    certificateRegenerations: number;
    issuedBackend: string;
    supportedBackends: string[];
  };
}

/** How many subscriptions stay in an insight, unless told otherwise. */
export const keptSubscriptions = 2;

/** Puts a subscription's newest state into the insight, which keeps the last `kept`. A new one closes whatever was open before it. Pure. */
export function withSubscription(insight: InsightSpec, subscription: SubscriptionInsight, kept = keptSubscriptions): InsightSpec {
  const present = insight.subscriptions ?? [];
  if (present.some(({ id }) => id === subscription.id)) {
    return { ...insight, subscriptions: present.map((one) => (one.id === subscription.id ? subscription : one)) };
  }
  return { ...insight, subscriptions: [...closeAll(present, subscription.connectTime), subscription].slice(-kept) };
}

/** The insight of a proxy whose every stream is over, those included that nobody saw end. Pure. */
export const withoutOpenSubscriptions = (insight: InsightSpec, now: Date): InsightSpec => ({
  ...insight,
  subscriptions: closeAll(insight.subscriptions ?? [], now.toISOString()),
});

const closeAll = (subscriptions: readonly SubscriptionInsight[], disconnectTime: string): SubscriptionInsight[] =>
  subscriptions.map((one) => (one.disconnectTime === undefined ? { ...one, disconnectTime } : one));

const counted = ["total", "cds", "eds", "lds", "rds"] as const;
type Counted = (typeof counted)[number];

const countedTypes: Record<string, Counted> = {
  "type.googleapis.com/envoy.config.cluster.v3.Cluster": "cds",
  "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment": "eds",
  "type.googleapis.com/envoy.config.listener.v3.Listener": "lds",
  "type.googleapis.com/envoy.config.route.v3.RouteConfiguration": "rds",
};

/** Counts the responses of one stream, each in its type and in the total. Every response and answer comes by here, and few are written. */
export class SubscriptionCounts {
  readonly #counts = new Map<Counted, Partial<Record<keyof ResponseCounts, number>>>();
  #updated: Date | undefined;

  count(typeUrl: string, what: keyof ResponseCounts, now: Date): void {
    this.#updated = now;
    this.#add("total", what);
    const type = countedTypes[typeUrl];
    if (type !== undefined) this.#add(type, what);
  }

  status(): SubscriptionStatus {
    const of = (type: Counted): ResponseCounts =>
      Object.fromEntries(Object.entries(this.#counts.get(type) ?? {}).map(([what, count]) => [what, String(count)]));
    const counts = { total: of("total"), cds: of("cds"), eds: of("eds"), lds: of("lds"), rds: of("rds") };
    return this.#updated === undefined ? counts : { lastUpdateTime: this.#updated.toISOString(), ...counts };
  }

  #add(type: Counted, what: keyof ResponseCounts): void {
    let counts = this.#counts.get(type);
    if (counts === undefined) this.#counts.set(type, (counts = {}));
    counts[what] = (counts[what] ?? 0) + 1;
  }
}
