import { create } from "@bufbuild/protobuf";
import { Cleanup, RecordSchema } from "@atoll/kds-api";
import type { Record as RecordMessage } from "@atoll/kds-api";
import { Metadata, status } from "@grpc/grpc-js";
import type { ChannelOptions, ServiceError } from "@grpc/grpc-js";
import { LogError, maxAppendBytes } from "./event-log.ts";
import type { LogErrorCode, LogRecord, NewRecord, TopicConfig } from "./event-log.ts";

const maxMessageBytes = 4 * maxAppendBytes;

/**
 * For both sides of a relay: large batches pass, a dead connection is noticed within 20 s, a lost one is dialled again at once.
 * https://github.com/grpc/grpc-node/blob/master/packages/grpc-js/README.md
 */
export const relayChannelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.min_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

export const encodeRecord = (record: NewRecord | LogRecord): RecordMessage =>
  create(RecordSchema, {
    offset: "offset" in record ? BigInt(record.offset) : 0n,
    timestampMs: "timestamp" in record ? BigInt(record.timestamp) : 0n,
    key: record.key ?? undefined,
    value: record.value ?? undefined,
    headers: record.headers ?? {},
  });

export const decodeRecord = (record: RecordMessage): LogRecord => ({
  offset: Number(record.offset),
  timestamp: Number(record.timestampMs),
  key: record.key ?? null,
  value: record.value ?? null,
  headers: record.headers,
});

export const encodeCleanup = (cleanup: TopicConfig["cleanup"]): Cleanup => (cleanup === "keep" ? Cleanup.KEEP : Cleanup.COMPACT);
export const decodeCleanup = (cleanup: Cleanup): TopicConfig["cleanup"] => (cleanup === Cleanup.COMPACT ? "compact" : "keep");

const statusOf: Record<LogErrorCode, status> = {
  unavailable: status.UNAVAILABLE,
  forbidden: status.PERMISSION_DENIED,
  "too-large": status.RESOURCE_EXHAUSTED,
  "topic-mismatch": status.FAILED_PRECONDITION,
  "unknown-topic": status.NOT_FOUND,
  "out-of-range": status.OUT_OF_RANGE,
  // The server's log is closed, the caller's is not: it may come back.
  closed: status.UNAVAILABLE,
};

const codeOf: Partial<Record<status, LogErrorCode>> = {
  [status.PERMISSION_DENIED]: "forbidden",
  [status.UNAUTHENTICATED]: "forbidden",
  [status.RESOURCE_EXHAUSTED]: "too-large",
  [status.FAILED_PRECONDITION]: "topic-mismatch",
  [status.NOT_FOUND]: "unknown-topic",
  [status.OUT_OF_RANGE]: "out-of-range",
};

/** A refusal with its gRPC status; thrown by `authorize` functions. */
export class RpcRefusal extends Error {
  override readonly name = "RpcRefusal";
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

export function toStatus(error: unknown): { code: status; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (error instanceof LogError) return { code: statusOf[error.code], details: error.message, metadata };
  if (error instanceof RpcRefusal) return { code: error.code, details: error.message, metadata };
  return { code: status.INTERNAL, details: error instanceof Error ? error.message : String(error), metadata };
}

/** What a relay's answer means to the caller; everything not listed above is worth another try. */
export function fromStatus(error: unknown): LogError {
  if (error instanceof LogError) return error;
  const { code, details, message } = error as ServiceError;
  return new LogError(codeOf[code] ?? "unavailable", details || message, { cause: error });
}
