import type { JsonObject } from "@bufbuild/protobuf";
import { encodeAny } from "@atoll/envoy-api";
import type { AccessLogSchema } from "@atoll/envoy-api/envoy/config/accesslog/v3/accesslog_pb.js";
import type { SubstitutionFormatStringSchema } from "@atoll/envoy-api/envoy/config/core/v3/substitution_format_string_pb.js";
import { FileAccessLogSchema } from "@atoll/envoy-api/envoy/extensions/access_loggers/file/v3/file_pb.js";
import type { AccessLogView } from "@atoll/view";
import type { Init } from "./init.ts";

/** A log written to a file or a named pipe, one line for each request or connection. */
export function accessLog({ format, json, path }: AccessLogView): Init<typeof AccessLogSchema> {
  const logFormat: Init<typeof SubstitutionFormatStringSchema>["format"] = json
    ? { case: "jsonFormat", value: json as JsonObject }
    : { case: "textFormatSource", value: { specifier: { case: "inlineString", value: format } } };
  const typedConfig = encodeAny(FileAccessLogSchema, { path, accessLogFormat: { case: "logFormat", value: { format: logFormat } } });
  return { name: "envoy.access_loggers.file", configType: { case: "typedConfig", value: typedConfig } };
}
