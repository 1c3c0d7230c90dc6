import { randomUUID } from "node:crypto";
import { pause } from "@atoll/event-log";
import type { WatchedReader } from "@atoll/replica";
import type { ResourceDraft, ResourceKey, ZoneInsightSpec, ZoneSubscription } from "@atoll/resource";
import type { Progress } from "./heartbeat.ts";
import type { ZoneRegistration } from "./kds-service.ts";
import type { ZoneSession } from "./zone-session.ts";

const recordType = "ZoneSession";
/** How old what other instances know of a zone's last sign of life may become. */
const recordEveryMs = 10_000;

interface SessionSpec {
  zone: string;
  subscription: ZoneSubscription;
  /** RFC 3339. */
  heardAt: string;
}

/** How far a zone was behind this process when it last said where it is. */
export interface ZoneLag {
  revisions: number;
  /** For how long there had been a revision it did not have. */
  ms: number;
}

/** Where all instances of global keep what they observe. `ZoneReplica` over `topics.global` is one. */
export interface SessionStore extends WatchedReader {
  put(draft: ResourceDraft, options: { durable: boolean }): Promise<unknown>;
  delete(key: ResourceKey): Promise<unknown>;
}

export interface ZoneSessionsOptions {
  store: SessionStore;
  /** Of this instance of global. What a former process of it left open is ended at the start. */
  instanceId: string;
  /** How many subscriptions of a zone are kept. */
  kept: number;
  now: () => Date;
  onError: (error: unknown) => void;
}

/**
 * The sessions of all zones with all instances of global, as the zones' insights show them. Each instance writes what it observes of its
 * own sessions to the log they share; until that is done its own answers are ahead of the log.
 */
export class ZoneSessions {
  readonly #options: ZoneSessionsOptions;
  readonly #stop = new AbortController();
  readonly #registrations = new Map<string, ZoneRegistration>();
  readonly #ids = new WeakMap<ZoneSession, string>();
  readonly #applied = new Map<string, Progress>();
  readonly #lags = new Map<string, ZoneLag>();
  /** Of this instance, by zone. */
  readonly #own = new Map<string, Set<ZoneSession>>();
  /** By name: what is still to be written; null = is to be removed. */
  readonly #wanted = new Map<string, SessionSpec | null>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #unwatch: () => void;
  #byZone: Map<string, Map<string, SessionSpec>> | undefined;

  constructor(options: ZoneSessionsOptions) {
    this.#options = options;
    this.#unwatch = options.store.watch(({ keys }) => {
      if (keys.some((key) => key.startsWith(`${recordType}/`))) this.#byZone = undefined;
    });
    this.endAllOf(options.instanceId);
  }

  /** The spec of a zone's insight; undefined if it never had a session. */
  of(zone: string): ZoneInsightSpec | undefined {
    const sessions = [...(this.#sessions().get(zone)?.values() ?? [])];
    if (sessions.length === 0) return undefined;
    const subscriptions = sessions.map(({ subscription }) => subscription).sort(byConnectTime);
    const heardAt = sessions.map((one) => one.heardAt).sort();
    return { subscriptions: subscriptions.slice(-this.#options.kept), healthCheck: { time: heardAt.at(-1) } } as ZoneInsightSpec;
  }

  /** Other instances of global that have a session of the zone now. */
  holders(zone: string): string[] {
    const open = [...(this.#sessions().get(zone)?.values() ?? [])].filter(isOpen);
    return [...new Set(open.map(({ subscription }) => subscription.globalInstanceId ?? ""))].filter(
      (instance) => instance !== "" && instance !== this.#options.instanceId,
    );
  }

  /** Instances of global that have sessions. */
  owners(): Set<string> {
    const owners = new Set<string>();
    for (const sessions of this.#sessions().values())
      for (const session of sessions.values()) if (isOpen(session)) owners.add(session.subscription.globalInstanceId ?? "");
    return owners;
  }

  /** Sorted names of the zones that were in session with this instance. */
  zones(): string[] {
    return [...this.#own.keys()].sort();
  }

  /** Whether it is in session with this instance. */
  isConnected(zone: string): boolean {
    return (this.#own.get(zone)?.size ?? 0) > 0;
  }

  revisionOf(zone: string): number {
    return this.#applied.get(zone)?.revision ?? 0;
  }

  lagOf(zone: string): ZoneLag {
    return this.#lags.get(zone) ?? { revisions: 0, ms: 0 };
  }

  /** Revision and checksum that each zone connected here said it is at. */
  progress(): Record<string, Progress> {
    return Object.fromEntries(this.#applied);
  }

  registered(registration: ZoneRegistration): void {
    this.#registrations.set(instanceKey(registration), registration);
  }

  opened(session: ZoneSession): void {
    const { zone, instanceId } = session;
    const registration = this.#registrations.get(instanceKey(session));
    const at = this.#now();
    const id = randomUUID();
    this.#ids.set(session, id);
    this.#own.set(zone, (this.#own.get(zone) ?? new Set()).add(session));
    for (const [name, other] of this.#sessions().get(zone) ?? []) {
      // It is here now, wherever it was before.
      if (isOpen(other) && other.subscription.zoneInstanceId === instanceId) this.#write(name, ended(other, at));
    }
    const subscription = {
      id,
      globalInstanceId: this.#options.instanceId,
      zoneInstanceId: instanceId,
      connectTime: at,
      status: { lastUpdateTime: at, total: {} },
      version: { kumaCp: { version: registration?.version ?? "", kumaCpGlobalCompatible: true } },
      config: registration?.configJson ?? "",
      authTokenProvided: true,
    } as ZoneSubscription;
    this.#write(nameOf(zone, id), { zone, subscription, heardAt: at });
    this.#dropOldest(zone);
  }

  heard(session: ZoneSession, progress: Progress, lag: ZoneLag): void {
    const { zone } = session;
    const before = this.#applied.get(zone)?.revision ?? progress.revision;
    this.#applied.set(zone, { revision: progress.revision, checksum: progress.checksum });
    this.#lags.set(zone, lag);
    const name = nameOf(zone, this.#ids.get(session) ?? "");
    const known = this.#sessions().get(zone)?.get(name);
    if (!known) return;
    const at = this.#now();
    const taken = Math.max(0, progress.revision - before);
    const isDue = Date.parse(at) - Date.parse(known.heardAt) >= recordEveryMs;
    if (taken === 0 && !isDue) return;
    this.#write(name, { ...known, subscription: withRevisions(known.subscription, taken, at), heardAt: at });
  }

  ended(session: ZoneSession): void {
    this.#own.get(session.zone)?.delete(session);
    const name = nameOf(session.zone, this.#ids.get(session) ?? "");
    const known = this.#sessions().get(session.zone)?.get(name);
    if (known && isOpen(known)) this.#write(name, ended(known, this.#now()));
  }

  /** An instance of global is gone, and its sessions with it. */
  endAllOf(globalInstance: string): void {
    for (const sessions of this.#sessions().values()) {
      for (const [name, session] of sessions) {
        if (isOpen(session) && session.subscription.globalInstanceId === globalInstance) this.#write(name, ended(session, this.#now()));
      }
    }
  }

  /** The zone is no more. */
  forget(zone: string): void {
    for (const name of this.#sessions().get(zone)?.keys() ?? []) this.#write(name, null);
  }

  /** Waits for a second at most until the log has what was observed. */
  async close(): Promise<void> {
    await Promise.race([Promise.all(this.#writing.values()), pause(1_000, this.#stop.signal)]);
    this.#unwatch();
    this.#stop.abort();
  }

  #now(): string {
    return this.#options.now().toISOString();
  }

  /** By zone and name: what the log says, and what is on its way there. */
  #sessions(): Map<string, Map<string, SessionSpec>> {
    if (this.#byZone) return this.#byZone;
    const byZone = new Map<string, Map<string, SessionSpec>>();
    const add = (name: string, spec: SessionSpec): void => {
      let sessions = byZone.get(spec.zone);
      if (!sessions) byZone.set(spec.zone, (sessions = new Map()));
      sessions.set(name, spec);
    };
    for (const { name, spec } of this.#options.store.list<SessionSpec>(recordType)) if (!this.#wanted.has(name)) add(name, spec);
    for (const [name, spec] of this.#wanted) if (spec) add(name, spec);
    return (this.#byZone = byZone);
  }

  #dropOldest(zone: string): void {
    const sessions = [...(this.#sessions().get(zone) ?? [])].sort(([, a], [, b]) => byConnectTime(a.subscription, b.subscription));
    for (const [name, session] of sessions.slice(0, -this.#options.kept)) if (!isOpen(session)) this.#write(name, null);
  }

  #write(name: string, spec: SessionSpec | null): void {
    this.#wanted.set(name, spec);
    this.#byZone = undefined;
    if (this.#writing.has(name)) return;
    this.#writing.set(
      name,
      this.#writeLatest(name).finally(() => this.#writing.delete(name)),
    );
  }

  /** Until the log has it; the newest of several. */
  async #writeLatest(name: string): Promise<void> {
    const { store, onError } = this.#options;
    const key = { type: recordType, mesh: "", name };
    while (this.#wanted.has(name) && !this.#stop.signal.aborted) {
      const spec = this.#wanted.get(name)!;
      try {
        await (spec === null ? store.delete(key) : store.put({ ...key, spec }, { durable: false }));
        if (this.#wanted.get(name) === spec) this.#wanted.delete(name);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        onError(error);
        await pause(1_000, this.#stop.signal);
      }
    }
    this.#byZone = undefined;
  }
}

const nameOf = (zone: string, id: string): string => `${zone}.${id}`;
const instanceKey = ({ zone, instanceId }: { zone: string; instanceId: string }): string => `${zone}/${instanceId}`;
const isOpen = ({ subscription }: SessionSpec): boolean => subscription.disconnectTime === undefined;
const ended = (session: SessionSpec, at: string): SessionSpec => ({
  ...session,
  subscription: { ...session.subscription, disconnectTime: at },
});

function byConnectTime(a: ZoneSubscription, b: ZoneSubscription): number {
  const [one, other] = [a.connectTime ?? "", b.connectTime ?? ""];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Each revision that a zone has taken over counts as one response that was sent and acknowledged. */
function withRevisions(subscription: ZoneSubscription, revisions: number, lastUpdateTime: string): ZoneSubscription {
  if (revisions === 0) return subscription;
  const sent = String(Number(subscription.status?.total?.responsesSent ?? 0) + revisions);
  const total = { responsesSent: sent, responsesAcknowledged: sent };
  return { ...subscription, status: { ...subscription.status, lastUpdateTime, total } };
}
