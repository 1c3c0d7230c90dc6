import type { Resource, TimeoutSpec } from "@atoll/resource";
import type { InboundQuestion } from "../ask/callee.ts";
import type { Question } from "../ask/question.ts";
import { milliseconds } from "../milliseconds.ts";

/** Timeouts towards a destination, in milliseconds; 0 = none, absent = as without any policy. */
export interface OutboundTimeouts {
  connectMs?: number;
  /** Of a TCP connection without bytes. */
  tcpIdleMs?: number;
  /** Of connections that are kept for HTTP requests to come. */
  pool?: { idleMs?: number; maxStreamMs?: number; maxConnectionMs?: number };
  /** Of the connections that bring the requests. */
  listener?: { idleMs?: number; streamIdleMs?: number; requestHeadersMs?: number };
  route: { requestMs?: number; streamIdleMs?: number };
}

/** What comes in, in milliseconds; 0 = none, absent = as without any policy. */
export interface InboundTimeouts {
  connectMs?: number;
  idleMs?: number;
  requestMs?: number;
  streamIdleMs?: number;
  maxStreamMs?: number;
  maxConnectionMs?: number;
  requestHeadersMs?: number;
}

const given = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };

/** An idle timeout that a Timeout does not give is none at all. */
function fromTimeout({ spec }: Resource<TimeoutSpec>, kind: "tcp" | "http" | "grpc"): OutboundTimeouts {
  const { connectTimeout, tcp, http, grpc } = spec.conf;
  const own = kind === "grpc" ? grpc : undefined;
  const streamIdleMs = milliseconds(http?.streamIdleTimeout) ?? milliseconds(own?.streamIdleTimeout);
  const maxStreamMs = milliseconds(http?.maxStreamDuration) || milliseconds(own?.maxStreamDuration) || undefined;
  return {
    ...given({ connectMs: milliseconds(connectTimeout) || undefined }),
    tcpIdleMs: milliseconds(tcp?.idleTimeout) ?? 0,
    pool: { idleMs: milliseconds(http?.idleTimeout) ?? 0, ...given({ maxStreamMs }) },
    listener: { idleMs: milliseconds(http?.idleTimeout) ?? 0, streamIdleMs: streamIdleMs ?? 0 },
    route: given({ requestMs: milliseconds(http?.requestTimeout), streamIdleMs }),
  };
}

const timeouts = (kind: "tcp" | "http" | "grpc"): Question<OutboundTimeouts> => ({
  legacy: { type: "Timeout", conf: (policy: Resource<TimeoutSpec>) => fromTimeout(policy, kind) },
});

/** Timeouts towards a destination that speaks plain TCP, HTTP or gRPC. */
export const outboundTimeouts = { tcp: timeouts("tcp"), http: timeouts("http"), grpc: timeouts("grpc") };

/** Timeouts of what comes in. */
export const inboundTimeouts: InboundQuestion<InboundTimeouts> = {};
