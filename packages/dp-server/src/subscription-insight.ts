/** One stream of a proxy, as its insight records it (dataplane.md 1.8). Counters are 64 bit: strings in JSON. */
export interface SubscriptionInsight {
  id: string;
  controlPlaneInstanceId: string;
  connectTime: string;
  disconnectTime?: string;
  generation?: number;
  status: {
    lastUpdateTime?: string;
    total: ResponseCounts;
    cds: ResponseCounts;
    eds: ResponseCounts;
    lds: ResponseCounts;
    rds: ResponseCounts;
  };
  version?: Record<string, unknown>;
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

export const newSubscription = (
  id: string,
  instanceId: string,
  now: Date,
  version: Record<string, unknown> | undefined,
): SubscriptionInsight => ({
  id,
  controlPlaneInstanceId: instanceId,
  connectTime: now.toISOString(),
  status: { total: {}, cds: {}, eds: {}, lds: {}, rds: {} },
  ...(version !== undefined && { version }),
});

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

type CountedType = "cds" | "eds" | "lds" | "rds";

const countedTypes: Record<string, CountedType> = {
  "type.googleapis.com/envoy.config.cluster.v3.Cluster": "cds",
  "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment": "eds",
  "type.googleapis.com/envoy.config.listener.v3.Listener": "lds",
  "type.googleapis.com/envoy.config.route.v3.RouteConfiguration": "rds",
};

/** Counts one response, ACK or NACK in its type and in the total. Pure. */
export function count(subscription: SubscriptionInsight, typeUrl: string, what: keyof ResponseCounts, now: Date): SubscriptionInsight {
  const status = { lastUpdateTime: "", ...subscription.status, total: plusOne(subscription.status.total, what) };
  status.lastUpdateTime = now.toISOString();
  const type = countedTypes[typeUrl];
  if (type !== undefined) status[type] = plusOne(status[type], what);
  return { ...subscription, status };
}

const plusOne = (counts: ResponseCounts, what: keyof ResponseCounts): ResponseCounts => ({
  ...counts,
  [what]: String(Number(counts[what] ?? 0) + 1),
});
