import { outboundTimeouts } from "@atoll/policy";
import type { OutboundTimeouts, Question } from "@atoll/policy";
import { durationMs } from "@atoll/resource";
import { isHttp } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type { ClusterView, HttpFilterView, RouteView } from "../proxy-view.ts";

export const defaultConnectTimeoutMs = 5_000;

/** Milliseconds, or undefined when the field is absent. */
export const milliseconds = (text: string | undefined): number | undefined => (text === undefined ? undefined : durationMs(text));

/** What to ask for a destination of a protocol. */
export const timeoutsOf = (protocol: Protocol): Question<OutboundTimeouts> =>
  protocol === "grpc" ? outboundTimeouts.grpc : isHttp(protocol) ? outboundTimeouts.http : outboundTimeouts.tcp;

/** Where TrafficRoutes or a gateway route and no policy says anything: an idle timeout is none at all. */
export const routedTimeouts: OutboundTimeouts = { tcpIdleMs: 0, pool: { idleMs: 0 }, listener: { idleMs: 0, streamIdleMs: 0 }, route: {} };

/** Timeouts of a cluster. */
export function clusterTimeouts(
  timeouts: Pick<OutboundTimeouts, "connectMs" | "pool"> | undefined,
  protocol: Protocol,
): Pick<ClusterView, "connectTimeoutMs" | "idleTimeoutMs" | "maxStreamDurationMs" | "maxConnectionDurationMs"> {
  const connectTimeoutMs = timeouts?.connectMs ?? defaultConnectTimeoutMs;
  if (!isHttp(protocol) || !timeouts?.pool) return { connectTimeoutMs };
  const { idleMs, maxStreamMs, maxConnectionMs } = timeouts.pool;
  return {
    connectTimeoutMs,
    ...(idleMs === undefined ? {} : { idleTimeoutMs: idleMs }),
    ...(maxStreamMs === undefined ? {} : { maxStreamDurationMs: maxStreamMs }),
    ...(maxConnectionMs === undefined ? {} : { maxConnectionDurationMs: maxConnectionMs }),
  };
}

/** How long a route's request may take, and, where its listener does not say it, how long it may be without bytes. */
export function routeTimeouts({ route, listener }: OutboundTimeouts): Pick<RouteView, "timeoutMs" | "idleTimeoutMs"> {
  const said = listener?.streamIdleMs !== undefined;
  const idleTimeoutMs = said ? undefined : (route.streamIdleMs ?? route.defaultStreamIdleMs);
  return { timeoutMs: route.requestMs ?? 0, ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }) };
}

/** Timeouts of the listener of an outbound. */
export function listenerTimeouts({
  listener,
}: OutboundTimeouts): Pick<HttpFilterView, "idleTimeoutMs" | "streamIdleTimeoutMs" | "requestHeadersTimeoutMs"> {
  const { idleMs, streamIdleMs, requestHeadersMs } = listener ?? {};
  return {
    ...(idleMs === undefined ? {} : { idleTimeoutMs: idleMs }),
    ...(streamIdleMs === undefined ? {} : { streamIdleTimeoutMs: streamIdleMs }),
    ...(requestHeadersMs === undefined ? {} : { requestHeadersTimeoutMs: requestHeadersMs }),
  };
}
