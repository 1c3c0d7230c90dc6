import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import { closeWithin, otlpResource, otlpUrl } from "./otlp-source.ts";
import type { Telemetry, TelemetrySource } from "./tracing.ts";

/** Spans of this process go to an OTLP receiver as JSON over HTTP, and its trace context into what it sends. Once in a process. */
export function sendSpans(source: TelemetrySource, endpoint: string): Telemetry {
  const exporter = new OTLPTraceExporter({ url: otlpUrl(endpoint, "traces") });
  const scheduledDelayMillis = Number(process.env["OTEL_BSP_SCHEDULE_DELAY"] ?? 1_000);
  const provider = new TracerProvider({
    resource: otlpResource(source),
    sampler: samplerOf(process.env),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return { close: () => closeWithin(() => provider.shutdown()) };
}

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration */
export function samplerOf(env: Readonly<Record<string, string | undefined>>): Sampler {
  const name = env["OTEL_TRACES_SAMPLER"] ?? "parentbased_always_on";
  const roots: Record<string, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(Number(env["OTEL_TRACES_SAMPLER_ARG"] ?? 1)),
  };
  const root = roots[name.replace(/^parentbased_/, "")];
  if (root === undefined) throw new Error(`OTEL_TRACES_SAMPLER: there is no sampler "${name}"`);
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root: root() }) : root();
}
