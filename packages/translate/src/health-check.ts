import { encodeAny } from "@atoll/envoy-api";
import type { HealthCheckSchema } from "@atoll/envoy-api/envoy/config/core/v3/health_check_pb.js";
import { HealthCheckEventFileSinkSchema } from "@atoll/envoy-api/envoy/extensions/health_check/event_sinks/file/v3/file_pb.js";
import { CodecClientType } from "@atoll/envoy-api/envoy/type/v3/http_pb.js";
import type { HealthCheckView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import { appendHeader, overwriteHeader } from "./header-value.ts";
import type { Init } from "./init.ts";

type HealthCheckInit = Init<typeof HealthCheckSchema>;

export function healthCheck(view: HealthCheckView): HealthCheckInit {
  return {
    timeout: durationOf(view.timeoutMs),
    interval: durationOf(view.intervalMs),
    unhealthyThreshold: view.unhealthyThreshold,
    healthyThreshold: view.healthyThreshold,
    initialJitter: durationOf(view.initialJitterMs),
    intervalJitter: durationOf(view.intervalJitterMs),
    intervalJitterPercent: view.intervalJitterPercent ?? 0,
    noTrafficInterval: durationOf(view.noTrafficIntervalMs),
    eventLogger: view.eventLogPath === undefined ? [] : [fileSink(view.eventLogPath)],
    alwaysLogHealthCheckFailures: view.alwaysLogFailures ?? false,
    reuseConnection: view.reuseConnection,
    healthChecker: checker(view.checker),
  };
}

function fileSink(eventLogPath: string) {
  return { name: "envoy.health_check.event_sink.file", typedConfig: encodeAny(HealthCheckEventFileSinkSchema, { eventLogPath }) };
}

function checker(view: HealthCheckView["checker"]): HealthCheckInit["healthChecker"] {
  if (view.type === "tcp") {
    return {
      case: "tcpHealthCheck",
      value: { send: view.send === undefined ? undefined : payload(view.send), receive: (view.receive ?? []).map(payload) },
    };
  }
  if (view.type === "grpc") {
    return { case: "grpcHealthCheck", value: { serviceName: view.serviceName ?? "", authority: view.authority ?? "" } };
  }
  return {
    case: "httpHealthCheck",
    value: {
      path: view.path,
      codecClientType: view.http2 ? CodecClientType.HTTP2 : CodecClientType.HTTP1,
      // Half-open ranges: [200, 201) is 200.
      expectedStatuses: (view.expectedStatuses ?? []).map((status) => ({ start: BigInt(status), end: BigInt(status + 1) })),
      requestHeadersToAdd: (view.headers ?? []).map((header) => (header.append ? appendHeader(header) : overwriteHeader(header))),
    },
  };
}

/** The policy writes bytes in base64, Envoy reads them in hexadecimal. */
function payload(base64: string) {
  return { payload: { case: "text" as const, value: Buffer.from(base64, "base64").toString("hex") } };
}
