import { durationMs } from "@atoll/resource";
import type { TimeoutSpec } from "@atoll/resource";
import { isHttp } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type { ClusterView, HttpFilterView } from "../proxy-view.ts";

type TimeoutConf = TimeoutSpec["conf"];

export const defaultConnectTimeoutMs = 5_000;

/** Milliseconds, or undefined when the field is absent. */
export const milliseconds = (text: string | undefined): number | undefined => (text === undefined ? undefined : durationMs(text));

/** Timeouts of a cluster by a Timeout policy, which need not exist. An idle timeout that is not given is none at all. */
export function clusterTimeouts(
  conf: TimeoutConf | undefined,
  protocol: Protocol,
): Pick<ClusterView, "connectTimeoutMs" | "idleTimeoutMs" | "maxStreamDurationMs"> {
  const connectTimeoutMs = milliseconds(conf?.connectTimeout) || defaultConnectTimeoutMs;
  if (!isHttp(protocol)) return { connectTimeoutMs };
  const grpc = protocol === "grpc" ? milliseconds(conf?.grpc?.maxStreamDuration) : undefined;
  const maxStreamDurationMs = milliseconds(conf?.http?.maxStreamDuration) || grpc;
  return {
    connectTimeoutMs,
    idleTimeoutMs: milliseconds(conf?.http?.idleTimeout) ?? 0,
    ...(maxStreamDurationMs ? { maxStreamDurationMs } : {}),
  };
}

/** Timeouts of an HTTP listener by a Timeout policy, which need not exist: 0 = none. */
export function httpTimeouts(
  conf: TimeoutConf | undefined,
  protocol: Protocol,
): Pick<HttpFilterView, "idleTimeoutMs" | "streamIdleTimeoutMs"> {
  const grpc = protocol === "grpc" ? milliseconds(conf?.grpc?.streamIdleTimeout) : undefined;
  return {
    idleTimeoutMs: milliseconds(conf?.http?.idleTimeout) ?? 0,
    streamIdleTimeoutMs: milliseconds(conf?.http?.streamIdleTimeout) ?? grpc ?? 0,
  };
}
