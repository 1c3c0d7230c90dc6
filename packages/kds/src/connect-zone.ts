import { randomUUID } from "node:crypto";
import { Backoff, LogError, pause, relayChannelOptions, RelayLog } from "@atoll/event-log";
import type { RegisterResponse } from "@atoll/kds-api";
import { SealingKey } from "@atoll/secret";
import { Client, Metadata } from "@grpc/grpc-js";
import { parseEndpoint } from "./endpoint.ts";
import type { Endpoint, EndpointOptions } from "./endpoint.ts";
import { judgeSync } from "./heartbeat.ts";
import type { Heartbeat, Progress, Standstill, SyncAlarm } from "./heartbeat.ts";
import type { ZoneQuery } from "./proxy-query.ts";
import { toRefusal, ZoneRefusedError } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { register, SessionLink } from "./zone-link.ts";

export interface Registration {
  /** As the token says. */
  zone: string;
  clusterId: string;
  /** Of the other side. */
  version: string;
  features: readonly string[];
  instanceId: string;
  /** Opens the secrets a zone may read. */
  sealingKey: SealingKey | undefined;
  heartbeatIntervalMs: number;
  warnings: readonly string[];
}

export interface ZoneConnectionOptions extends Pick<EndpointOptions, "tls"> {
  /** Of equal servers, as `EndpointOptions.address`: when one cannot be reached, or its session ends, the next one is tried. */
  addresses: readonly string[];
  /** cp-scoped zone token; asked at every call, so that a renewed one is used at once. */
  token: () => string;
  /** The zone this process is configured to be; a token of another one is refused here. */
  zone: string;
  /** The cluster joined before, from the checkpoint: another one is refused. */
  clusterId?: string;
  version: string;
  features?: readonly string[];
  /** Default: a new UUID. */
  instanceId?: string;
  /** Settings without secrets, JSON, for the zone's insight. */
  configJson?: string;
  /** How far this side is. */
  progress: () => Progress;
  /** Answers questions about this zone's proxies; an error's message is passed on. */
  answer?: (query: ZoneQuery) => Promise<Uint8Array>;
  /** Standing still for so long while the other side is ahead dials the log anew. Default: three heartbeat intervals. */
  stallMs?: number;
  onRegistered?: (registration: Registration) => void;
  onHeartbeat?: (heartbeat: Heartbeat) => void;
  /** The session ended or could not be opened; the next try comes after `delayMs`. */
  onDisconnected?: (refusal: Refusal, delayMs: number) => void;
  /** Final, unless `token` gives another one by then: nothing is tried any more; `reconnect` starts again (with another token). */
  onRefused?: (refusal: Refusal) => void;
  onAlarm?: (alarm: SyncAlarm) => void;
  onReadInterrupted?: (topic: string, error: LogError, delayMs: number) => void;
}

export interface ZoneConnection {
  /** The other side's log, while this one is registered there: reads wait for that, and what is written meanwhile is refused. */
  readonly log: RelayLog;
  /** Resolves at the first registration; rejects with `ZoneRefusedError`, or when closed before. */
  readonly registered: Promise<Registration>;
  readonly state: "connecting" | "connected" | "refused" | "closed";
  /** The last one received. */
  readonly heartbeat: Heartbeat | undefined;
  /** Tells the other side now how far this one is. */
  beat(): void;
  /** Tries again at once, also after a final refusal. */
  reconnect(): void;
  close(): Promise<void>;
}

/** Joins a zone (or one of its services) to its global (or its sync service), and stays joined. Returns at once; throws on a bad address. */
export function connectZone(options: ZoneConnectionOptions): ZoneConnection {
  return new ZoneConnector(options);
}

class ZoneConnector implements ZoneConnection {
  readonly log: RelayLog;
  readonly registered: Promise<Registration>;
  state: ZoneConnection["state"] = "connecting";
  heartbeat: Heartbeat | undefined;

  private readonly options: ZoneConnectionOptions;
  private readonly instanceId: string;
  private readonly endpoints: readonly Endpoint[];
  /** Of the server in use. */
  private place = 0;
  private client: Client;
  private readonly closing = new AbortController();
  private readonly backoff = new Backoff();
  private readonly settle = Promise.withResolvers<Registration>();
  private target: string;
  private link: SessionLink | undefined;
  private standstill: Standstill | undefined;
  /** Aborts the wait before the next try. */
  private waiting: AbortController | undefined;
  private clusterId: string | undefined;
  /** The token that was sent last. */
  private sent = "";
  private running: Promise<void>;

  constructor(options: ZoneConnectionOptions) {
    this.options = options;
    this.clusterId = options.clusterId;
    this.instanceId = options.instanceId ?? randomUUID();
    this.endpoints = options.addresses.map((address) => parseEndpoint({ address, tls: options.tls }));
    if (this.endpoints.length === 0) throw new Error("no address is given");
    const { target, credentials, channelOptions } = this.endpoints[0]!;
    this.target = target;
    this.client = this.dial();
    const { token, onReadInterrupted } = options;
    this.log = new RelayLog({ address: target, credentials, channelOptions, token, onReadInterrupted });
    this.log.suspend(new LogError("unavailable", "not registered yet"));
    this.registered = this.settle.promise;
    this.registered.catch(() => {});
    this.running = this.run();
  }

  beat(): void {
    this.link?.beat();
  }

  reconnect(): void {
    this.backoff.reset();
    if (this.state === "refused") {
      this.state = "connecting";
      this.log.suspend(new LogError("unavailable", "not registered yet"));
      this.running = this.run();
    }
    this.waiting?.abort();
  }

  async close(): Promise<void> {
    this.state = "closed";
    this.closing.abort();
    this.waiting?.abort();
    this.link?.close();
    this.settle.reject(new Error("the connection was closed"));
    await Promise.all([this.log.close(), this.running]);
    this.client.close();
  }

  private async run(): Promise<void> {
    while (!this.closing.signal.aborted) {
      try {
        await this.join();
      } catch (error) {
        this.link = undefined;
        if (this.closing.signal.aborted) return;
        const refusal = toRefusal(error);
        // A token that was renewed meanwhile has not been refused yet.
        if (refusal.final && !this.tokenRenewed()) {
          this.state = "refused";
          this.log.suspend(new LogError("forbidden", refusal.reason));
          this.settle.reject(new ZoneRefusedError(refusal));
          this.options.onRefused?.(refusal);
          return;
        }
        this.state = "connecting";
        // Who answers next may be another log, which has nothing to do with this zone.
        this.log.suspend(new LogError("unavailable", refusal.reason));
        const isRoundDone = this.next();
        const delayMs = isRoundDone ? this.backoff.next() : 0;
        this.options.onDisconnected?.(refusal, delayMs);
        this.waiting = new AbortController();
        await pause(delayMs, this.waiting.signal);
      }
    }
  }

  private dial(): Client {
    const { target, credentials, channelOptions } = this.endpoints[this.place]!;
    return new Client(target, credentials, { ...relayChannelOptions, ...channelOptions, "grpc.use_local_subchannel_pool": 1 });
  }

  /** Turns to the next server; true if that is the first one again, or the only one. */
  private next(): boolean {
    if (this.endpoints.length === 1) return true;
    this.place = (this.place + 1) % this.endpoints.length;
    const { target: address, credentials, channelOptions } = this.endpoints[this.place]!;
    this.client.close();
    this.client = this.dial();
    this.target = address;
    this.log.redirect({ address, credentials, channelOptions });
    return this.place === 0;
  }

  /** Registers and stays in session; ends by throwing. */
  private async join(): Promise<never> {
    const { options } = this;
    const answer = await register(
      this.client,
      this.metadata(),
      {
        version: options.version,
        features: [...(options.features ?? [])],
        instanceId: this.instanceId,
        configJson: options.configJson ?? "",
        zone: options.zone,
      },
      this.closing.signal,
    );
    this.closing.signal.throwIfAborted();
    const registration = this.accept(answer);
    const relay = answer.log?.way.case === "relay" ? answer.log.way.value.address : "";
    if (relay !== "" && relay !== this.target) this.log.redirect({ address: (this.target = relay) });
    this.log.resume();
    this.standstill = undefined;
    const link = new SessionLink({
      client: this.client,
      metadata: this.metadata(),
      version: options.version,
      instanceId: this.instanceId,
      heartbeatIntervalMs: registration.heartbeatIntervalMs,
      progress: options.progress,
      answer: options.answer,
      onHeartbeat: (heartbeat) => this.heard(registration, heartbeat),
    });
    this.link = link;
    options.onRegistered?.(registration);
    this.settle.resolve(registration);
    return link.ended;
  }

  private accept(answer: RegisterResponse): Registration {
    const { zone, clusterId, version, features, instanceId, sealingKey, heartbeatIntervalMs, warnings } = answer;
    const refuse = (reason: string): never => {
      throw new ZoneRefusedError({ final: true, status: "FAILED_PRECONDITION", reason });
    };
    if (zone !== this.options.zone) refuse(`the token is for zone "${zone}", this process is zone "${this.options.zone}"`);
    if (this.clusterId !== undefined && this.clusterId !== clusterId) {
      refuse(`this zone belongs to cluster ${this.clusterId}, ${this.target} is cluster ${clusterId}`);
    }
    this.clusterId = clusterId;
    return {
      zone,
      clusterId,
      version,
      features,
      instanceId,
      sealingKey: sealingKey === "" ? undefined : SealingKey.parse(sealingKey),
      heartbeatIntervalMs: Number(heartbeatIntervalMs),
      warnings,
    };
  }

  private heard(registration: Registration, heartbeat: Heartbeat): void {
    // The first one says that the session stands.
    if (this.state === "connecting") {
      this.state = "connected";
      this.backoff.reset();
    }
    this.heartbeat = heartbeat;
    this.options.onHeartbeat?.(heartbeat);
    const stallMs = this.options.stallMs ?? 3 * registration.heartbeatIntervalMs;
    const { standstill, alarm } = judgeSync(this.standstill, this.options.progress(), heartbeat, heartbeat.receivedAtMs, stallMs);
    this.standstill = standstill;
    if (!alarm) return;
    this.options.onAlarm?.(alarm);
    if (alarm.type === "stalled") this.log.reset();
  }

  private tokenRenewed(): boolean {
    try {
      return this.options.token() !== this.sent;
    } catch {
      return false;
    }
  }

  private metadata(): Metadata {
    const metadata = new Metadata();
    this.sent = this.options.token();
    metadata.set("authorization", `Bearer ${this.sent}`);
    return metadata;
  }
}
