/** One stream of a proxy, as its insight records it (dataplane.md 1.8). Counters are 64 bit: strings in JSON. */
export interface SubscriptionInsight {
  id: string;
  controlPlaneInstanceId: string;
  connectTime: string;
  disconnectTime?: string;
  generation?: number;
  status: { lastUpdateTime?: string; total: ResponseCounts; cds: ResponseCounts; eds: ResponseCounts; lds: ResponseCounts; rds: ResponseCounts };
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

/** How many finished subscriptions stay in an insight. */
const keptSubscriptions = 2;

export const newSubscription = (id: string, instanceId: string, now: Date, version: Record<string, unknown> | undefined): SubscriptionInsight => ({
  id,
  controlPlaneInstanceId: instanceId,
  connectTime: now.toISOString(),
  status: { total: {}, cds: {}, eds: {}, lds: {}, rds: {} },
  ...(version !== undefined && { version }),
});

/** Adds a subscription and closes whatever was open before it. Pure. */
export function openSubscription(insight: InsightSpec, subscription: SubscriptionInsight): InsightSpec {
  const closed = (insight.subscriptions ?? []).map((one) => (one.disconnectTime === undefined ? { ...one, disconnectTime: subscription.connectTime } : one));
  return { ...insight, subscriptions: [...closed, subscription].slice(-keptSubscriptions) };
}

export function replaceSubscription(insight: InsightSpec, subscription: SubscriptionInsight): InsightSpec {
  return { ...insight, subscriptions: (insight.subscriptions ?? []).map((one) => (one.id === subscription.id ? subscription : one)) };
}

export type CountedType = "cds" | "eds" | "lds" | "rds";

const countedTypes: Record<string, CountedType> = {
  "type.googleapis.com/envoy.config.cluster.v3.Cluster": "cds",
  "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment": "eds",
  "type.googleapis.com/envoy.config.listener.v3.Listener": "lds",
  "type.googleapis.com/envoy.config.route.v3.RouteConfiguration": "rds",
};

/** Counts one response, ACK or NACK in its type and in the total. Pure. */
export function count(subscription: SubscriptionInsight, typeUrl: string, what: keyof ResponseCounts, now: Date): SubscriptionInsight {
  const status = { ...subscription.status, lastUpdateTime: now.toISOString(), total: plusOne(subscription.status.total, what) };
  const type = countedTypes[typeUrl];
  if (type !== undefined) status[type] = plusOne(status[type], what);
  return { ...subscription, status };
}

const plusOne = (counts: ResponseCounts, what: keyof ResponseCounts): ResponseCounts => ({ ...counts, [what]: String(Number(counts[what] ?? 0) + 1) });

export const isOnline = (insight: InsightSpec | undefined): boolean => (insight?.subscriptions ?? []).some((one) => one.connectTime !== undefined && one.disconnectTime === undefined);
