import { create } from "@bufbuild/protobuf";
import { RpcRefusal, serviceDefinition, toStatus } from "@atoll/event-log";
import { AnswerSchema, Kds, RegisterResponseSchema } from "@atoll/kds-api";
import type { Answer, InspectRequest, RegisterRequest, RegisterResponse, SessionDown, SessionUp } from "@atoll/kds-api";
import type { SealingKey } from "@atoll/secret";
import { status } from "@grpc/grpc-js";
import type { handleBidiStreamingCall, handleUnaryCall, Metadata, Server, ServerDuplexStream } from "@grpc/grpc-js";
import type { Gatekeeper } from "./gatekeeper.ts";
import { decodeHeartbeat } from "./heartbeat.ts";
import type { Heartbeat, Progress } from "./heartbeat.ts";
import { describeIdentity } from "./identity.ts";
import { inspectThrough } from "./proxy-inspection.ts";
import { decodeQuery, QueryError } from "./proxy-query.ts";
import { traceAnswer } from "./registration-trace.ts";
import { judgeVersions } from "./version-skew.ts";
import { ZoneSession } from "./zone-session.ts";

export interface ZoneRegistration {
  zone: string;
  version: string;
  features: readonly string[];
  instanceId: string;
  /** The zone's settings, JSON; "" = not told. */
  configJson: string;
}

export interface KdsOptions {
  version: string;
  features?: readonly string[];
  instanceId: string;
  /** Undefined = not known yet: zones are told to come again. */
  clusterId: () => string | undefined;
  /** The key handed to the zone. */
  sealingKey?: (zone: string) => SealingKey | undefined;
  /** host:port of the log relay, where it is not this server. */
  relayAddress?: string;
  /** How far this side is: sent at the begin of a session and every `heartbeatIntervalMs`. */
  progress: () => Progress;
  /** Default: 5 s. A side that hears nothing for three intervals gives the session up. */
  heartbeatIntervalMs?: number;
  /** Runs before the answer; may refuse by throwing `RpcRefusal` (zone disabled). */
  onRegister?: (registration: ZoneRegistration) => void | Promise<void>;
  /** A zone that wanted to register was told why not. */
  onRefused?: () => void;
  onSession?: (session: ZoneSession) => void;
  onHeartbeat?: (session: ZoneSession, heartbeat: Heartbeat) => void;
  onSessionEnd?: (session: ZoneSession) => void;
}

/** The `Kds` service and its open sessions. */
export class KdsService {
  private readonly gatekeeper: Gatekeeper;
  private readonly options: KdsOptions;
  private readonly open = new Set<ZoneSession>();

  constructor(gatekeeper: Gatekeeper, options: KdsOptions) {
    this.gatekeeper = gatekeeper;
    this.options = options;
  }

  addTo(server: Server): void {
    server.addService(serviceDefinition(Kds), { register: this.register, session: this.session, inspect: this.inspect });
  }

  /** Connected instances, oldest first. */
  sessions(zone?: string): readonly ZoneSession[] {
    return [...this.open].filter((session) => zone === undefined || session.zone === zone);
  }

  /** Tells every connected instance how far this side is. */
  beat(): void {
    for (const session of this.open) session.beat(this.options.progress());
  }

  close(): void {
    for (const session of this.open) session.end();
  }

  private readonly register: handleUnaryCall<RegisterRequest, RegisterResponse> = (call, callback) => {
    traceAnswer(call.request.zone, call.metadata, () => this.registered(call.metadata, call.request)).then(
      (answer) => callback(null, answer),
      (error) => {
        this.options.onRefused?.();
        callback(toStatus(error));
      },
    );
  };

  private async registered(metadata: Metadata, request: RegisterRequest): Promise<RegisterResponse> {
    const { zone } = await this.zoneOf(metadata);
    if (request.zone !== "" && request.zone !== zone) {
      throw new RpcRefusal(status.PERMISSION_DENIED, `the token is for zone "${zone}", this process is zone "${request.zone}"`);
    }
    const skew = judgeVersions({ zone: request.version, global: this.options.version });
    if (!skew.accepted) throw new RpcRefusal(status.FAILED_PRECONDITION, skew.reason);
    const clusterId = this.options.clusterId();
    if (clusterId === undefined) throw new RpcRefusal(status.UNAVAILABLE, "the server is still starting");
    const { version, features, instanceId, configJson } = request;
    await this.options.onRegister?.({ zone, version, features, instanceId, configJson });
    return create(RegisterResponseSchema, {
      zone,
      clusterId,
      version: this.options.version,
      features: [...(this.options.features ?? [])],
      instanceId: this.options.instanceId,
      log: { way: { case: "relay", value: { address: this.options.relayAddress ?? "" } } },
      sealingKey: this.options.sealingKey?.(zone)?.export() ?? "",
      heartbeatIntervalMs: BigInt(this.heartbeatIntervalMs),
      warnings: skew.warning === undefined ? [] : [skew.warning],
    });
  }

  private readonly inspect: handleUnaryCall<InspectRequest, Answer> = (call, callback) => {
    this.inspected(call.metadata, call.request).then(
      (answer) => callback(null, answer),
      (error) => callback(toStatus(error)),
    );
  };

  private async inspected(metadata: Metadata, { zone, query }: InspectRequest): Promise<Answer> {
    const { identity } = await this.gatekeeper.authorize(metadata);
    if (identity.type !== "internal")
      throw new RpcRefusal(status.PERMISSION_DENIED, `${describeIdentity(identity)} may not inspect others`);
    const question = query && decodeQuery(query);
    try {
      if (!question) throw new QueryError("failed", "this instance cannot ask that question");
      return create(AnswerSchema, { result: { case: "body", value: await inspectThrough(this.sessions(zone), zone, question) } });
    } catch (error) {
      return create(AnswerSchema, { result: { case: "error", value: (error as Error).message } });
    }
  }

  private readonly session: handleBidiStreamingCall<SessionUp, SessionDown> = (call) => {
    // Nothing is read before the caller is known.
    this.zoneOf(call.metadata).then(
      ({ zone, revoked }) => this.converse(call, zone, revoked),
      (error) => call.emit("error", toStatus(error)),
    );
  };

  private converse(call: ServerDuplexStream<SessionUp, SessionDown>, zone: string, revoked: AbortSignal | undefined): void {
    let session: ZoneSession | undefined;
    const sendAway = (refusal: RpcRefusal): void => {
      if (session) session.end(refusal);
      else call.emit("error", toStatus(refusal));
      close();
    };
    const expel = (): void => sendAway(revoked?.reason as RpcRefusal);
    const silence = setTimeout(() => {
      sendAway(new RpcRefusal(status.DEADLINE_EXCEEDED, `no heartbeat for ${3 * this.heartbeatIntervalMs} ms`));
    }, 3 * this.heartbeatIntervalMs);
    const pulse = setInterval(() => session?.beat(this.options.progress()), this.heartbeatIntervalMs);
    const close = (): void => {
      clearTimeout(silence);
      clearInterval(pulse);
      revoked?.removeEventListener("abort", expel);
      if (session && this.open.delete(session)) {
        session.closed();
        this.options.onSessionEnd?.(session);
      }
    };
    call.on("data", ({ message }: SessionUp) => {
      silence.refresh();
      try {
        if (message.case === "hello" && !session) {
          this.replaceSession(zone, message.value.instanceId);
          session = new ZoneSession(zone, message.value, call, Date.now());
          this.open.add(session);
          session.beat(this.options.progress());
          this.options.onSession?.(session);
        } else if (message.case === "heartbeat" && session) {
          session.heartbeat = decodeHeartbeat(message.value, Date.now());
          this.options.onHeartbeat?.(session, session.heartbeat);
        } else if (message.case === "answer" && session) {
          session.answered(message.value);
        }
      } catch (error) {
        sendAway(error instanceof RpcRefusal ? error : new RpcRefusal(status.INTERNAL, (error as Error).message));
      }
    });
    call.on("end", () => {
      call.end();
      close();
    });
    call.on("cancelled", close);
    call.on("error", close);
    if (revoked?.aborted) expel();
    else revoked?.addEventListener("abort", expel);
  }

  /** An instance that comes back replaces its old session. */
  private replaceSession(zone: string, instanceId: string): void {
    for (const session of this.sessions(zone)) {
      if (session.instanceId === instanceId) session.end(new RpcRefusal(status.ABORTED, "this instance has opened another session"));
    }
  }

  private async zoneOf(metadata: Metadata): Promise<{ zone: string; revoked?: AbortSignal }> {
    const { identity, revoked } = await this.gatekeeper.authorize(metadata);
    if (identity.type === "zone") return { zone: identity.zone, revoked };
    throw new RpcRefusal(status.PERMISSION_DENIED, `${describeIdentity(identity)} is no zone`);
  }

  private get heartbeatIntervalMs(): number {
    return this.options.heartbeatIntervalMs ?? 5_000;
  }
}
