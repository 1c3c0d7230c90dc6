import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { encodeAny } from "@atoll/envoy-api";
import type { AccessLogSchema } from "@atoll/envoy-api/envoy/config/accesslog/v3/accesslog_pb.js";
import type { SubstitutionFormatStringSchema } from "@atoll/envoy-api/envoy/config/core/v3/substitution_format_string_pb.js";
import { FileAccessLogSchema } from "@atoll/envoy-api/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { ApiVersion } from "@atoll/envoy-api/envoy/config/core/v3/config_source_pb.js";
import { OpenTelemetryAccessLogConfigSchema } from "@atoll/envoy-api/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js";
import { AnyValueSchema } from "@atoll/envoy-api/opentelemetry/proto/common/v1/common_pb.js";
import type { AnyValue } from "@atoll/envoy-api/opentelemetry/proto/common/v1/common_pb.js";
import type { AccessLogView } from "@atoll/view";
import type { Init } from "./init.ts";

/** A log written to a file or a named pipe, one line for each request or connection; or sent as records over OTLP. */
export function accessLog(view: AccessLogView): Init<typeof AccessLogSchema> {
  const { format, json, path, omitEmptyValues = false } = view;
  if (view.openTelemetry) return openTelemetryLog(view, view.openTelemetry);
  const logFormat: Init<typeof SubstitutionFormatStringSchema>["format"] = json
    ? { case: "jsonFormat", value: json as JsonObject }
    : { case: "textFormatSource", value: { specifier: { case: "inlineString", value: format } } };
  const typedConfig = encodeAny(FileAccessLogSchema, {
    path,
    accessLogFormat: { case: "logFormat", value: { format: logFormat, omitEmptyValues } },
  });
  return { name: "envoy.access_loggers.file", configType: { case: "typedConfig", value: typedConfig } };
}

const logName = "MeshAccessLog";

function openTelemetryLog(
  { format, path }: AccessLogView,
  { body, attributes }: NonNullable<AccessLogView["openTelemetry"]>,
): Init<typeof AccessLogSchema> {
  const typedConfig = encodeAny(OpenTelemetryAccessLogConfigSchema, {
    commonConfig: {
      logName,
      transportApiVersion: ApiVersion.V3,
      grpcService: { targetSpecifier: { case: "envoyGrpc", value: { clusterName: path } } },
    },
    body: anyValue(body, format),
    attributes: {
      values: attributes.map(({ key, value }) => ({ key, value: { value: { case: "stringValue" as const, value } } })),
    },
  });
  return { name: "envoy.access_loggers.open_telemetry", configType: { case: "typedConfig", value: typedConfig } };
}

/** What is no OTLP value is a text. */
function anyValue(body: unknown, format: string): AnyValue {
  const text = (value: string): AnyValue => create(AnyValueSchema, { value: { case: "stringValue", value } });
  if (body === undefined) return text(format);
  try {
    return fromJson(AnyValueSchema, body as JsonValue);
  } catch {
    return text(JSON.stringify(body));
  }
}
