import { randomUUID } from "node:crypto";
import { isOnline, type ZoneInsightSpec, type ZoneSubscription } from "@atoll/resource";
import type { ZoneRegistration, ZoneSession } from "@atoll/kds";

/** How far a zone was behind this process when it last said where it is. */
export interface ZoneLag {
  revisions: number;
  /** For how long there had been a revision it did not have. */
  ms: number;
}

/** What this process observed of the zones' sessions, as their insights show it. */
export class ZoneInsights {
  readonly #instanceId: string;
  readonly #now: () => Date;
  readonly #insights = new Map<string, ZoneInsightSpec>();
  readonly #registrations = new Map<string, ZoneRegistration>();
  readonly #ids = new WeakMap<ZoneSession, string>();
  readonly #applied = new Map<string, { revision: number; checksum: string }>();
  readonly #lags = new Map<string, ZoneLag>();

  readonly #kept: number;

  /** `kept`: how many subscriptions an insight keeps. */
  constructor(instanceId: string, now: () => Date, kept = 10) {
    this.#instanceId = instanceId;
    this.#kept = kept;
    this.#now = now;
  }

  of(zone: string): ZoneInsightSpec | undefined {
    return this.#insights.get(zone);
  }

  /** Sorted names of those that were in session with this process. */
  zones(): string[] {
    return [...this.#insights.keys()].sort();
  }

  isConnected(zone: string): boolean {
    return isOnline(this.#insights.get(zone));
  }

  revisionOf(zone: string): number {
    return this.#applied.get(zone)?.revision ?? 0;
  }

  lagOf(zone: string): ZoneLag {
    return this.#lags.get(zone) ?? { revisions: 0, ms: 0 };
  }

  /** Revision and checksum each zone said it is at. */
  progress(): Record<string, { revision: number; checksum: string }> {
    return Object.fromEntries(this.#applied);
  }

  registered(registration: ZoneRegistration): void {
    this.#registrations.set(registration.zone, registration);
  }

  opened(session: ZoneSession): void {
    const registration = this.#registrations.get(session.zone);
    const at = this.#now().toISOString();
    const subscription: ZoneSubscription = {
      id: this.#idOf(session),
      globalInstanceId: this.#instanceId,
      zoneInstanceId: session.instanceId,
      connectTime: at,
      status: { lastUpdateTime: at, total: {} },
      version: { kumaCp: { version: registration?.version ?? "", kumaCpGlobalCompatible: true } },
      config: registration?.configJson ?? "",
      authTokenProvided: true,
    } as ZoneSubscription;
    const known = this.#insights.get(session.zone)?.subscriptions ?? [];
    const ended = known.map((one) => (one.disconnectTime === undefined ? { ...one, disconnectTime: at } : one));
    this.#insights.set(session.zone, {
      subscriptions: [...ended, subscription].slice(-this.#kept),
      healthCheck: { time: at },
    } as ZoneInsightSpec);
  }

  heard(session: ZoneSession, progress: { revision: number; checksum: string }, lag: ZoneLag): void {
    const before = this.#applied.get(session.zone)?.revision ?? progress.revision;
    this.#applied.set(session.zone, progress);
    this.#lags.set(session.zone, lag);
    const insight = this.#insights.get(session.zone);
    if (insight === undefined) return;
    const at = this.#now().toISOString();
    const taken = Math.max(0, progress.revision - before);
    const id = this.#idOf(session);
    const subscriptions = (insight.subscriptions ?? []).map((one) => (one.id === id && taken > 0 ? withRevisions(one, taken, at) : one));
    this.#insights.set(session.zone, { ...insight, subscriptions, healthCheck: { time: at } } as ZoneInsightSpec);
  }

  ended(session: ZoneSession): void {
    const insight = this.#insights.get(session.zone);
    if (insight === undefined) return;
    const at = this.#now().toISOString();
    const subscriptions = (insight.subscriptions ?? []).map((one) =>
      one.id === this.#idOf(session) ? { ...one, disconnectTime: at } : one,
    );
    this.#insights.set(session.zone, { ...insight, subscriptions } as ZoneInsightSpec);
  }

  #idOf(session: ZoneSession): string {
    const known = this.#ids.get(session) ?? randomUUID();
    this.#ids.set(session, known);
    return known;
  }
}

/** Each revision that a zone has taken over counts as one response that was sent and acknowledged. */
function withRevisions(subscription: ZoneSubscription, revisions: number, lastUpdateTime: string): ZoneSubscription {
  const sent = String(Number(subscription.status?.total?.responsesSent ?? 0) + revisions);
  const total = { responsesSent: sent, responsesAcknowledged: sent };
  return { ...subscription, status: { ...subscription.status, lastUpdateTime, total } };
}
