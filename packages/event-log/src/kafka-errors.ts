import { LogError } from "./event-log.ts";
import type { LogErrorCode } from "./event-log.ts";

const codes: Readonly<Record<string, LogErrorCode>> = {
  TOPIC_AUTHORIZATION_FAILED: "forbidden",
  CLUSTER_AUTHORIZATION_FAILED: "forbidden",
  SASL_AUTHENTICATION_FAILED: "forbidden",
  UNSUPPORTED_SASL_MECHANISM: "forbidden",
  MESSAGE_TOO_LARGE: "too-large",
  RECORD_LIST_TOO_LARGE: "too-large",
  OFFSET_OUT_OF_RANGE: "out-of-range",
  INVALID_CONFIG: "topic-mismatch",
  INVALID_REPLICATION_FACTOR: "topic-mismatch",
  POLICY_VIOLATION: "topic-mismatch",
  INVALID_RECORD: "topic-mismatch",
};

interface KafkaError extends Error {
  /** Protocol errors: the name of the code. */
  type?: string;
  /** Connection errors: that of the socket. */
  code?: string | number;
  /** What failed when several things were asked at once. */
  errors?: readonly Error[];
}

/** A failure of kafkajs as the port's callers know it. What is not a refusal is "unavailable": a broker may be back in a moment. */
export function toLogError(error: unknown, what: string): LogError {
  if (error instanceof LogError) return error;
  const cause = innermost(error as Error);
  const code =
    (cause.type === undefined ? undefined : codes[cause.type]) ?? (cause.name.startsWith("KafkaJSSASL") ? "forbidden" : undefined);
  return new LogError(code ?? "unavailable", `${what}: ${cause.message || (error as Error).message}`, { cause: error });
}

/** The name of the protocol's error code, if that is what failed. */
export const protocolError = (error: unknown): string | undefined => innermost(error as Error).type;

/** kafkajs wraps what happened in what it did about it. */
function innermost(error: KafkaError): KafkaError {
  let inner: KafkaError = error;
  for (let depth = 0; depth < 5 && inner.type === undefined; depth += 1) {
    const next = inner.errors?.[0] ?? inner.cause;
    if (!(next instanceof Error)) break;
    inner = next;
  }
  return inner;
}
