import type { Any } from "@bufbuild/protobuf/wkt";
import { encodeAny } from "@atoll/envoy-api";
import { DatadogConfigSchema } from "@atoll/envoy-api/envoy/config/trace/v3/datadog_pb.js";
import { OpenTelemetryConfigSchema } from "@atoll/envoy-api/envoy/config/trace/v3/opentelemetry_pb.js";
import { ZipkinConfigSchema, ZipkinConfig_CollectorEndpointVersion } from "@atoll/envoy-api/envoy/config/trace/v3/zipkin_pb.js";
import type { HttpConnectionManager_TracingSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { CustomTagSchema } from "@atoll/envoy-api/envoy/type/tracing/v3/custom_tag_pb.js";
import type { TracingView } from "@atoll/view";
import type { Init } from "./init.ts";

/** The direction of a span is that of its listener: Envoy no longer takes it here. */
export function tracing(view: TracingView): Init<typeof HttpConnectionManager_TracingSchema> {
  return {
    overallSampling: { value: view.samplingPercent },
    clientSampling: view.clientSamplingPercent === undefined ? undefined : { value: view.clientSamplingPercent },
    randomSampling: view.randomSamplingPercent === undefined ? undefined : { value: view.randomSamplingPercent },
    customTags: (view.tags ?? []).map(customTag),
    spawnUpstreamSpan: view.spawnUpstreamSpan,
    provider: { name: providerNames[view.provider.type], configType: { case: "typedConfig", value: provider(view) } },
  };
}

function customTag(tag: NonNullable<TracingView["tags"]>[number]): Init<typeof CustomTagSchema> {
  if ("literal" in tag) return { tag: tag.name, type: { case: "literal", value: { value: tag.literal } } };
  return { tag: tag.name, type: { case: "requestHeader", value: { name: tag.header, defaultValue: tag.otherwise ?? "" } } };
}

const providerNames = {
  zipkin: "envoy.tracers.zipkin",
  datadog: "envoy.tracers.datadog",
  openTelemetry: "envoy.tracers.opentelemetry",
} as const;

function provider({ cluster, provider: view }: TracingView): Any {
  switch (view.type) {
    case "zipkin":
      return encodeAny(ZipkinConfigSchema, {
        collectorCluster: cluster,
        collectorEndpoint: view.path,
        collectorHostname: view.host,
        // Version 1 of the JSON format is gone from Envoy; collectors that know it also take version 2.
        collectorEndpointVersion:
          view.apiVersion === "httpProto"
            ? ZipkinConfig_CollectorEndpointVersion.HTTP_PROTO
            : ZipkinConfig_CollectorEndpointVersion.HTTP_JSON,
        traceId128bit: view.traceId128bit,
        sharedSpanContext: view.sharedSpanContext,
      });
    case "datadog":
      return encodeAny(DatadogConfigSchema, { collectorCluster: cluster, serviceName: view.serviceName });
    case "openTelemetry":
      return encodeAny(OpenTelemetryConfigSchema, {
        serviceName: view.serviceName,
        grpcService: { targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster } } },
      });
  }
}
