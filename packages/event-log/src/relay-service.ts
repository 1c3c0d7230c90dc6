import { create, toBinary } from "@bufbuild/protobuf";
import {
  AppendMirrorResponseSchema,
  AppendResponseSchema,
  DescribeResponseSchema,
  EnsureTopicResponseSchema,
  LogRelay,
  ReadResponseSchema,
} from "@atoll/kds-api";
import type {
  AppendMirrorRequest,
  AppendMirrorResponse,
  AppendRequest,
  AppendResponse,
  DescribeRequest,
  DescribeResponse,
  EnsureTopicRequest,
  EnsureTopicResponse,
  ReadRequest,
  ReadResponse,
} from "@atoll/kds-api";
import { status } from "@grpc/grpc-js";
import type { handleServerStreamingCall, handleUnaryCall, Metadata, Server, ServerWritableStream } from "@grpc/grpc-js";
import { LogError } from "./event-log.ts";
import type { LogRecord, MirrorLog } from "./event-log.ts";
import { serviceDefinition } from "./grpc-service.ts";
import { followerPace, largeBatch, Pace } from "./pace.ts";
import { decodeCleanup, decodeRecord, encodeCleanup, encodeRecord, RpcRefusal, toStatus } from "./relay-codec.ts";

export interface Authorized<Identity> {
  identity: Identity;
  /** Aborts when the caller may no longer act (its token expired or was revoked): open streams end with the abort's reason. */
  revoked?: AbortSignal;
}

/** Who calls. Throws `RpcRefusal` with the status and the reason. */
export type Authorize<Identity> = (metadata: Metadata) => Promise<Authorized<Identity>>;

/** "ensure" creates a topic, "describe" tells its positions. */
export type LogOperation = "read" | "describe" | "append" | "mirror" | "ensure";

export type AccessPolicy<Identity> = (identity: Identity, operation: LogOperation, topic: string) => boolean;

export interface RelayOptions<Identity> {
  authorize: Authorize<Identity>;
  allows: AccessPolicy<Identity>;
  /** For messages to the refused: "zone east". */
  describeIdentity: (identity: Identity) => string;
}

/** Of each record, as a message with that one alone: encoded once for all followers, however their batches are cut. */
const encoded = new WeakMap<LogRecord, Uint8Array>();

function encodedRecord(record: LogRecord): Uint8Array {
  let bytes = encoded.get(record);
  if (!bytes) encoded.set(record, (bytes = toBinary(ReadResponseSchema, create(ReadResponseSchema, { records: [encodeRecord(record)] }))));
  return bytes;
}

/**
 * Bytes in place of the message, which the method's serializer passes through. Messages that are written one after the other are one that has
 * the records of all: https://protobuf.dev/programming-guides/encoding/#last-one-wins
 */
const encodeBatch = (batch: readonly LogRecord[]): ReadResponse => Buffer.concat(batch.map(encodedRecord)) as unknown as ReadResponse;

/** What `LogRelay` answers, for `addRelayService` or a server of one's own. */
export function relayServiceImplementation<Identity>(log: MirrorLog, options: RelayOptions<Identity>) {
  const admit = async (metadata: Metadata, operation: LogOperation, topic: string): Promise<AbortSignal | undefined> => {
    const { identity, revoked } = await options.authorize(metadata);
    if (options.allows(identity, operation, topic)) return revoked;
    throw new RpcRefusal(status.PERMISSION_DENIED, `${options.describeIdentity(identity)} may not ${operation} topic ${topic}`);
  };

  const unary =
    <Q extends { topic: string }, A>(operation: LogOperation, answer: (request: Q) => Promise<A>): handleUnaryCall<Q, A> =>
    (call, callback) => {
      admit(call.metadata, operation, call.request.topic)
        .then(() => answer(call.request))
        .then(
          (message) => callback(null, message),
          (error) => callback(toStatus(error)),
        );
    };

  const ensureTopic = unary<EnsureTopicRequest, EnsureTopicResponse>("ensure", async (request) => {
    await log.ensureTopic({ name: request.topic, cleanup: decodeCleanup(request.cleanup) });
    return create(EnsureTopicResponseSchema);
  });

  const append = unary<AppendRequest, AppendResponse>("append", async (request) => {
    const offsets = await log.append(request.topic, request.records.map(decodeRecord), { durable: !request.notDurable });
    return create(AppendResponseSchema, { offsets: offsets.map(BigInt) });
  });

  const appendMirror = unary<AppendMirrorRequest, AppendMirrorResponse>(
    "mirror",
    async ({ topic, records, incarnation, replacement, term }) => {
      const head = await log.appendMirror(topic, records.map(decodeRecord), {
        incarnation,
        replacement: replacement && { first: replacement.first, last: replacement.last, tail: Number(replacement.tail) },
        term: term === undefined ? undefined : Number(term),
      });
      return create(AppendMirrorResponseSchema, { head: BigInt(head) });
    },
  );

  const describe = unary<DescribeRequest, DescribeResponse>("describe", async ({ topic }) => {
    const { head, tail, incarnation, cleanup, copy } = await log.describe(topic);
    return create(DescribeResponseSchema, {
      head: BigInt(head),
      tail: BigInt(tail),
      incarnation,
      cleanup: encodeCleanup(cleanup),
      copyIncarnation: copy.incarnation,
      copyHead: BigInt(copy.head),
    });
  });

  const read: handleServerStreamingCall<ReadRequest, ReadResponse> = (call) => {
    const stop = new AbortController();
    const end = (): void => stop.abort();
    call.on("cancelled", end);
    call.on("close", end);
    follow(call, stop, admit).catch((error: unknown) => {
      if (!call.cancelled) call.emit("error", toStatus(error));
    });
  };

  async function follow(call: ServerWritableStream<ReadRequest, ReadResponse>, stop: AbortController, check: typeof admit): Promise<void> {
    const { topic, fromOffset, incarnation: wanted } = call.request;
    const revoked = await check(call.metadata, "read", topic);
    const end = (): void => stop.abort();
    revoked?.addEventListener("abort", end);
    try {
      const { incarnation } = await log.describe(topic);
      if (wanted !== "" && wanted !== incarnation)
        throw new LogError("out-of-range", `topic ${topic} was made anew since the reader began`);
      call.write(create(ReadResponseSchema, { incarnation }));
      const messages = new Pace(followerPace);
      for await (const batch of log.read(topic, Number(fromOffset), stop.signal)) {
        const message = batch.length === 0 ? create(ReadResponseSchema, { caughtUp: true }) : encodeBatch(batch);
        if (!call.write(message)) await drained(call, stop.signal);
        if (batch.length < largeBatch) await messages.turn(stop.signal);
      }
      if (revoked?.aborted) throw revoked.reason;
      call.end();
    } finally {
      revoked?.removeEventListener("abort", end);
    }
  }

  return { ensureTopic, append, appendMirror, describe, read };
}

function drained(call: ServerWritableStream<ReadRequest, ReadResponse>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    call.on("drain", done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

/** Serves `log` to others on a gRPC server, which should be made with `relayChannelOptions`. */
export function addRelayService<Identity>(server: Server, log: MirrorLog, options: RelayOptions<Identity>): void {
  server.addService(serviceDefinition(LogRelay), relayServiceImplementation(log, options));
}
