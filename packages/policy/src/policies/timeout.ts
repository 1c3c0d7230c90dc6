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
  /** `defaultStreamIdleMs`: of routes that have none by themselves. */
  route: { requestMs?: number; streamIdleMs?: number; defaultStreamIdleMs?: number };
}

/** Timeouts of what comes in, in milliseconds; 0 = none, absent = as without any policy. */
export interface InboundTimeouts {
  connectMs?: number;
  idleMs?: number;
  requestMs?: number;
  streamIdleMs?: number;
  maxStreamMs?: number;
  maxConnectionMs?: number;
  requestHeadersMs?: number;
}

interface MeshTimeoutConf {
  connectionTimeout?: string;
  idleTimeout?: string;
  http?: Partial<
    Record<"requestTimeout" | "streamIdleTimeout" | "maxStreamDuration" | "maxConnectionDuration" | "requestHeadersTimeout", string>
  >;
}

/** What a MeshTimeout means where it does not say a timeout. Source: kuma.io/docs, MeshTimeout, "Defaults". */
const defaults = { connectMs: 5_000, idleMs: 3_600_000, requestMs: 15_000, streamIdleMs: 1_800_000 };

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
    route: given({ requestMs: milliseconds(http?.requestTimeout) || undefined, streamIdleMs }),
  };
}

function fromMeshTimeout(conf: MeshTimeoutConf, kind: "tcp" | "http" | "grpc"): OutboundTimeouts {
  const said = readMeshTimeout(conf);
  return {
    connectMs: said.connectMs ?? defaults.connectMs,
    tcpIdleMs: said.idleMs ?? defaults.idleMs,
    // As in Kuma: of gRPC only the time to connect.
    ...(kind === "http"
      ? {
          pool: {
            idleMs: said.idleMs ?? defaults.idleMs,
            ...given({ maxStreamMs: said.maxStreamMs || undefined, maxConnectionMs: said.maxConnectionMs || undefined }),
          },
        }
      : {}),
    listener: { idleMs: 0, ...given({ requestHeadersMs: said.requestHeadersMs }) },
    route: {
      requestMs: said.requestMs ?? defaults.requestMs,
      ...given({ streamIdleMs: said.streamIdleMs }),
      defaultStreamIdleMs: defaults.streamIdleMs,
    },
  };
}

function readMeshTimeout({ connectionTimeout, idleTimeout, http = {} }: MeshTimeoutConf): InboundTimeouts {
  return given({
    connectMs: milliseconds(connectionTimeout),
    idleMs: milliseconds(idleTimeout),
    requestMs: milliseconds(http.requestTimeout),
    streamIdleMs: milliseconds(http.streamIdleTimeout),
    maxStreamMs: milliseconds(http.maxStreamDuration),
    maxConnectionMs: milliseconds(http.maxConnectionDuration),
    requestHeadersMs: milliseconds(http.requestHeadersTimeout),
  });
}

const timeouts = (kind: "tcp" | "http" | "grpc"): Question<OutboundTimeouts> => ({
  legacy: { type: "Timeout", conf: (policy: Resource<TimeoutSpec>) => fromTimeout(policy, kind) },
  targeted: { type: "MeshTimeout", conf: (conf: MeshTimeoutConf) => fromMeshTimeout(conf, kind) },
});

/** Timeouts towards a destination that speaks plain TCP, HTTP or gRPC. */
export const outboundTimeouts = { tcp: timeouts("tcp"), http: timeouts("http"), grpc: timeouts("grpc") };

/** Timeouts of an inbound of a sidecar. */
export const inboundTimeouts: InboundQuestion<InboundTimeouts> = {
  targeted: { type: "MeshTimeout", by: "everybody", conf: (conf: MeshTimeoutConf) => ({ ...defaults, ...readMeshTimeout(conf) }) },
};

/** Timeouts of what a builtin gateway takes; what is not said is as without any policy. */
export const gatewayTimeouts: InboundQuestion<InboundTimeouts> = {
  targeted: { type: "MeshTimeout", by: "everybody", conf: readMeshTimeout },
};
